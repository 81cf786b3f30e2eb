"""Mutated files: whatever is in them, the answer is a photo or a refusal, soon and within memory."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from pipeline.stages.decode import Undecodable, decode
from tests.picture_files import FORMATS, file_of, noise

COUNT = int(os.environ.get("FACEAPP_TEST_MUTATIONS", "12"))
"""Mutated files of each format; 60 and more once in a while."""


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change, drop, repeat and cut bytes, most often near the beginning, where the structure is."""
    spoilt = bytearray(data)
    for _ in range(chance.choice((1, 2, 5, 20))):
        at = int(len(spoilt) * chance.random() ** chance.choice((1, 3)))
        match chance.randrange(4):
            case 0:
                spoilt[at : at + 1] = chance.randbytes(1)
            case 1:
                spoilt[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", b"\x00\x01"))
            case 2:
                del spoilt[at : at + chance.randrange(1, 30)]
            case _:
                spoilt[at:at] = spoilt[at : at + chance.randrange(1, 300)]
    return bytes(spoilt)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("extension", [*FORMATS, "heic"])
def test_a_mutated_file_is_a_photo_or_a_refusal(extension: str) -> None:
    chance, whole = random.Random(extension), file_of(extension, noise(60, 40))
    outcomes: set[object] = set()
    for _ in range(COUNT):
        try:
            photo = decode("a", mutated(whole, chance), 10_000_000, 4_000_000)
            outcomes.add((photo.pixels.ndim, photo.pixels.dtype))
        except Undecodable as refused:
            outcomes.add(refused.reason[-1])
    assert outcomes <= {(3, np.dtype(np.uint8)), "."}
