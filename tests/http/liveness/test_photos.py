"""Photos of which the liveness engines can say nothing do not pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.types import Liveness, Pixels
from tests.http.liveness_models import judging, verdict
from tests.http.site import Site, code, encoded, results, variant

pytestmark = pytest.mark.models


def small(photo: bytes, side: int) -> bytes:
    """Return a photo in which everything is smaller, on a grey ground of the old size."""
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    ground = np.full_like(pixels, 120)
    ground[..., 0] = 90
    ground[100 : 100 + side, 100 : 100 + side] = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return encoded(ground)


def changed(photo: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return the photo with its pixels changed."""
    return encoded(np.ascontiguousarray(change(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR))))


def brighter(pixels: Pixels) -> Any:
    return np.clip(pixels.astype(np.float32) * 1.5 + 90, 0, 255).astype(np.uint8)


def grey(pixels: Pixels) -> Any:
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


PHOTO: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "the face is under 48 pixels": (561, lambda photo: small(photo, 200)),
    "the face is at the edge": (561, lambda photo: changed(photo, lambda pixels: pixels[:, 212:])),
    "the photo is grey": (561, lambda photo: changed(photo, grey)),
    "the face is over-exposed": (630, lambda photo: changed(photo, brighter)),
    "the face is dark": (561, lambda photo: changed(photo, lambda pixels: pixels // 12)),
}


@pytest.mark.parametrize("fault", PHOTO)
def test_a_photo_cannot_be_judged(site: Site, astronaut: bytes, fault: str) -> None:
    number, change = PHOTO[fault]
    reply = site.verify(site.uploaded(change(astronaut)), skip_liveness="false")
    assert code(reply) == number, results(reply)


@pytest.mark.parametrize(
    ("states", "number"),
    [
        ((Liveness.SPOOF, Liveness.SPOOF), 560),
        ((Liveness.SPOOF, Liveness.UNCERTAIN), 560),
        ((Liveness.UNCERTAIN, Liveness.UNCERTAIN), 561),
    ],
)
def test_none_live_is(
    served: Callable[..., Site], astronaut: bytes, states: tuple[Liveness, Liveness], number: int
) -> None:
    site = served(judging(lambda face: states[int(face.photo.name == "photo 1.jpg")]))
    assert verdict(site, variant(astronaut), variant(astronaut, 1.0, -12, -5.0)) == number
