"""A liveness model, a card or an engine that is not as it should be is 178."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bootstrap.engines import liveness_loader
from bootstrap.liveness import LivenessLoader
from env_validator import Settings
from pipeline.registry import FACENOX_WEIGHTS
from pipeline.types import Face, Liveness, LivenessJudge, LivenessVerdict
from tests.http.liveness_models import BrokenJudge, keeper_of, make_model, no_fetch, verdict, write_card
from tests.http.site import Site, code, results, variant

pytestmark = pytest.mark.models

LIVE = LivenessVerdict(Liveness.LIVE, 0.01, 0.5)
Break = Callable[[Path], None]
Answer = Callable[[Sequence[Face]], list[LivenessVerdict]]


def test_without_a_failure_the_person_is_verified(site: Site, astronaut: bytes) -> None:
    assert verdict(site, variant(astronaut)) == 200


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    write_card(file, {})


def web_page(file: Path) -> None:
    file.write_text("<!DOCTYPE html><html><body>Quota exceeded</body></html>")
    write_card(file, {})


def empty(file: Path) -> None:
    file.write_bytes(b"")
    write_card(file, {})


def other_shape(file: Path) -> None:
    card = file.with_suffix(".json").read_text()
    make_model(file, side=48)
    digest = file.with_suffix(".json").read_text().split('"sha256": "')[1][:64]
    old = card.split('"sha256": "')[1][:64]
    file.with_suffix(".json").write_text(card.replace(old, digest))


def carries_code(file: Path) -> None:
    import keras

    image = keras.layers.Input((32, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x, output_shape=(32, 32, 3))(image))
    keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(mean)).save(file)
    write_card(file, {})


def two_outputs(file: Path) -> None:
    output = {"count": 2, "activation": "probability", "spoof": [0], "threshold": 0.5, "live": 0.5}
    write_card(file, {"output": output})


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def half_a_card(file: Path) -> None:
    file.with_suffix(".json").write_text("{")


MODEL_FILE: dict[str, Break] = {
    "missing": lambda file: file.unlink(),
    "empty": empty,
    "truncated": truncated,
    "a web page": web_page,
    "of another shape than its card": other_shape,
    "of weights that are not numbers": lambda file: make_model(file, bias=math.nan),
    "with code in it": carries_code,
    "a folder": folder,
}
CARD: dict[str, Break] = {
    "missing": lambda file: file.with_suffix(".json").unlink(),
    "not JSON": half_a_card,
    "of another model": lambda file: write_card(file, {"sha256": "0" * 64}),
    "of other outputs": two_outputs,
    "of an unknown format": lambda file: write_card(file, {"format": 9}),
}


@pytest.mark.parametrize("fault", MODEL_FILE)
def test_178_the_model_file_is(site: Site, astronaut: bytes, fault: str) -> None:
    upload_id = site.uploaded(variant(astronaut))
    MODEL_FILE[fault](Path(site.env["MODEL_PATH"]) / "liveness.h5")
    reply = site.verify(upload_id, skip_liveness="false")
    assert (code(reply), reply.status_code, results(reply)["name"]) == (178, 503, None)
    assert "178 NO_LIVENESS: " in site.log()


@pytest.mark.parametrize("fault", CARD)
def test_178_the_card_is(site: Site, astronaut: bytes, fault: str) -> None:
    CARD[fault](Path(site.env["MODEL_PATH"]) / "liveness.h5")
    assert verdict(site, variant(astronaut)) == 178


def test_178_an_engine_that_is_named_is_missing(
    served: Callable[..., Site], good_model: Path, astronaut: bytes, tmp_path: Path
) -> None:
    site = served(liveness_loader(tmp_path / "none"))
    site.edit(MODEL_PATH=str(good_model), MODEL_NAME="liveness.h5")
    for engines in ("fasnet", "cnn,fasnet", "cnn,facenox"):
        site.edit(LIVENESS_ENGINES=engines)
        assert verdict(site, variant(astronaut)) == 178


def test_178_an_engine_is_lost_while_the_server_runs(
    served: Callable[..., Site], good_model: Path, astronaut: bytes, tmp_path: Path, shared_data: Path
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    file = weights / FACENOX_WEIGHTS.file
    shutil.copyfile(shared_data / "weights" / file.name, file)
    site = served(liveness_loader(weights))
    site.edit(MODEL_PATH=str(good_model), MODEL_NAME="liveness.h5", LIVENESS_ENGINES="auto")
    reply = site.verify(site.uploaded(variant(astronaut)), skip_liveness="false")
    (row,) = [row for row in results(reply)["stages"] if row["name"] == "liveness"]
    assert row["about"]["engines"] == ["cnn", "facenox"]
    file.unlink()
    assert verdict(site, variant(astronaut)) == 178


def test_a_mended_model_is_taken_up_without_a_restart(site: Site, astronaut: bytes) -> None:
    file = Path(site.env["MODEL_PATH"]) / "liveness.h5"
    data = file.read_bytes()
    file.write_bytes(data[:1000])
    upload_id = site.uploaded(variant(astronaut))
    assert code(site.verify(upload_id, skip_liveness="false")) == 178
    file.write_bytes(data)
    assert code(site.verify(upload_id, skip_liveness="false")) == 200


def raising(fault: BaseException) -> Answer:
    """Return an engine that raises."""

    def answer(_faces: Sequence[Face]) -> list[LivenessVerdict]:
        raise fault

    return answer


ENGINE: dict[str, Answer] = {
    "raises": raising(RuntimeError("CUDA error")),
    "runs out of memory": raising(MemoryError()),
    "raises a time-out": raising(TimeoutError()),
    "gives nothing": lambda faces: [],
    "gives too many verdicts": lambda faces: [LIVE] * (len(faces) + 1),
    "gives NaN": lambda faces: [LivenessVerdict(Liveness.LIVE, math.nan, 0.5) for _ in faces],
    "gives infinity": lambda faces: [LivenessVerdict(Liveness.LIVE, math.inf, 0.5) for _ in faces],
    "gives what is no probability": lambda faces: [LivenessVerdict(Liveness.LIVE, -0.1, 0.5) for _ in faces],
}


@pytest.mark.parametrize("fault", ENGINE)
def test_178_an_engine(served: Callable[..., Site], astronaut: bytes, fault: str) -> None:
    site = served(keeper_of(BrokenJudge(ENGINE[fault])))
    assert verdict(site, variant(astronaut)) == 178
    assert "CUDA" not in str(site.verify(site.uploaded(variant(astronaut)), skip_liveness="false").get_json())


def test_178_the_engine_s_library_cannot_be_imported(served: Callable[..., Site], astronaut: bytes) -> None:
    def load(settings: Settings) -> LivenessJudge:
        raise ImportError("libcudart.so: cannot open shared object file")

    assert verdict(served(LivenessLoader(load, no_fetch)), variant(astronaut)) == 178
