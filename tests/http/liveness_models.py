"""Small real liveness models, and judges that a test decides, for tests of what happens around liveness.

None of them can tell a face from a picture: what they answer is given by the test, so that a test can say what has to
follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bootstrap.liveness import LivenessLoader
from env_validator import Settings
from pipeline.models.weights import sha256_of
from pipeline.types import Face, Liveness, LivenessAbout, LivenessJudge, LivenessVerdict
from tests.fakes import GivenJudge
from tests.http.site import Site, code

SIDE = 32


def make_model(path: Path, bias: float = -5.0, side: int = SIDE) -> None:
    """Save a Keras model and its card; it gives every face the same probability of an attack, sigmoid(bias)."""
    import keras
    import numpy as np

    image = keras.layers.Input((side, side, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="out")(mean))
    model.get_layer("out").set_weights([np.zeros((3, 1), np.float32), np.array([bias], np.float32)])
    model.save(path)
    write_card(path, {})


def write_card(path: Path, changes: dict[str, Any]) -> None:
    """Write the card of the model in `path`: the right one, but for `changes`."""
    card = {
        "format": 1,
        "sha256": sha256_of(path),
        "input": {"views": [{"size": SIDE, "scale": 1.0}], "colour": "RGB", "factor": 1.0, "offset": 0.0},
        "output": {"count": 1, "activation": "probability", "spoof": [0], "threshold": 0.5, "live": 0.5},
    }
    path.with_suffix(".json").write_text(json.dumps({**card, **changes}))


class BrokenJudge:
    """Answers as a function does, which may raise."""

    def __init__(self, answer: Callable[[Sequence[Face]], list[LivenessVerdict]]) -> None:
        self.answer = answer

    @property
    def about(self) -> LivenessAbout:
        """Return the one engine that is broken."""
        return LivenessAbout(("broken",))

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Return what the function returns."""
        return self.answer(faces)


def keeper_of(judge: LivenessJudge) -> LivenessLoader:
    """Return a keeper that hands out this judge, whatever the settings say."""
    return LivenessLoader(lambda settings: judge, no_fetch)


def judging(state_of: Callable[[Face], Liveness]) -> LivenessLoader:
    """Return a keeper of a judge that gives each face the state that the function decides."""
    return keeper_of(GivenJudge(state_of))


def no_fetch(settings: Settings) -> None:
    """Fetch nothing."""
    raise OSError("tests fetch nothing")


def verdict(site: Site, *photos: bytes) -> int:
    """Upload photos, verify them with liveness, and return the code."""
    return code(site.verify(site.uploaded(*photos), skip_liveness="false"))
