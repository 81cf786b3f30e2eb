"""Age, gender and emotion: weights of randomly initialised networks go the whole way, and give what DeepFace gives."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codes_dict import Code, Refusal
from pipeline.models.attributes import NETWORKS, SIDE, AttributeModels
from pipeline.models.weights import WeightStore
from pipeline.registry import ATTRIBUTE_WEIGHTS, GENDER
from pipeline.stages.align import deepface_crop
from pipeline.stages.augment import augment
from tests.models.faces import crop_of
from tests.models.test_zoo import saving_instead_of_loading

pytestmark = pytest.mark.models

CLIENTS = {"age": "ApparentAgeClient", "gender": "GenderClient", "emotion": "EmotionClient"}


def random_client(name: str, folder: Path) -> Any:
    """Build DeepFace's client with random weights, which are left in `folder` as the file that is looked for."""
    import tensorflow as tf
    from deepface import DeepFace  # noqa: F401

    tf.keras.utils.set_random_seed(5)
    with saving_instead_of_loading(folder / ATTRIBUTE_WEIGHTS[name].file):
        return getattr(import_module(NETWORKS[name].module), CLIENTS[name])()


def models_in(folder: Path) -> AttributeModels:
    return AttributeModels(lambda: WeightStore(folder))


@pytest.mark.parametrize("name", ["emotion", "age"])
def test_a_model_gives_what_deepface_gives_with_the_same_weights(name: str, tmp_path: Path, astronaut: bytes) -> None:
    client, crops = random_client(name, tmp_path), augment(crop_of(astronaut), 2)
    found = models_in(tmp_path).estimate(crops, [name])
    for crop, ours in zip(crops, found, strict=True):
        seen = deepface_crop(crop, (SIDE, SIDE))[..., ::-1].astype(np.float32) / 255
        theirs = client.predict(np.ascontiguousarray(seen))
        shares = np.array(list(ours[name].values()))
        assert shares.sum() == pytest.approx(1.0, abs=1e-4)
        if name == "age":
            assert shares @ np.arange(101) == pytest.approx(float(theirs), abs=0.05)
        else:
            assert shares == pytest.approx(theirs, abs=1e-4)
    assert len(list((tmp_path / "compiled").glob(f"{name}-*.xml"))) == 1


def test_the_values_have_deepfaces_names() -> None:
    from deepface.models.demography.DemographyUtils import EMOTION_LABELS, GENDER_LABELS

    assert (NETWORKS["emotion"].values, NETWORKS[GENDER].values) == (tuple(EMOTION_LABELS), tuple(GENDER_LABELS))


def test_what_is_missing_is_named_with_its_place(tmp_path: Path, astronaut: bytes) -> None:
    (tmp_path / ATTRIBUTE_WEIGHTS["emotion"].file).write_bytes(b"these are no weights")
    models = models_in(tmp_path)
    for names, said in ((["emotion", "age", "gender"], "age_model_weights.h5, gender_model"), (["emotion"], "emotion")):
        with pytest.raises(Refusal) as refusal:
            models.estimate([crop_of(astronaut)], names)
        assert refusal.value.code is Code.NO_WEIGHTS
        assert said in refusal.value.advice
