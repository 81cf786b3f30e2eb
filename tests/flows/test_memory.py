"""How many decoded photos of one request are in memory together, whatever looks at them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipeline import parallel
from pipeline.flows import CompareRequest, SentFile, compare, faces_of, upload, verify
from pipeline.flows.services import AT_ONCE, Services
from pipeline.flows.verify import VerifyRequest
from pipeline.stages import upright
from pipeline.stages.decode import CLOSER_AREA, WORKING_AREA, Budget, decode
from pipeline.stages.recent import RecentPhotos
from pipeline.types import Photo
from tests.fakes import ColourDetector
from tests.flows.world import ANN, RED, World, photo_file, stored_photo

PHOTOS = 3 * AT_ONCE


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no other thread help, which may hold what it did for some milliseconds more."""
    monkeypatch.setattr(parallel, "usable_cores", lambda: 1)


class NoMemory(RecentPhotos):
    """Holds nothing, so that whatever is alive is held by a flow."""

    def put(self, photo: Photo) -> None:
        """Hold nothing."""


class Counting:
    """Decodes, at a fraction of the size so that photos are decoded larger, and counts the pixels that are alive."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[np.ndarray]] = []
        self.most = 0

    def __call__(
        self, name: str, data: bytes, max_bytes: int, max_pixels: int, area: int = 0, budget: Budget | None = None
    ) -> Photo:
        """Decode."""
        photo = decode(name, data, max_bytes, max_pixels, area, budget)
        pixels = photo.pixels.copy()
        self.made.append(weakref.ref(pixels))
        self.most = max(self.most, sum(one() is not None for one in self.made))
        return replace(photo, pixels=pixels, kind="jpg", scale=0.5 if area == WORKING_AREA else 1.0)


def services(world: World) -> tuple[Services, Counting]:
    counting = Counting()
    return replace(world.services, decode=counting, recent=NoMemory()), counting


def sent(count: int = PHOTOS) -> list[SentFile]:
    return [SentFile(f"{at}.png", photo_file((200, at, 10))) for at in range(count)]


@pytest.mark.parametrize(
    "work",
    [
        lambda its: upload(ANN, sent(), its),
        lambda its: faces_of(sent(), its, embeddings=True),
        lambda its: compare(CompareRequest(sent(), sent(1)), its),
    ],
    ids=["upload", "detect", "compare"],
)
def test_photos_are_let_go_before_others_are_decoded(work: Callable[[Services], object]) -> None:
    its, counting = services(World())
    work(its)
    assert len(counting.made) >= 2 * PHOTOS  # each was decoded larger, too
    assert counting.most <= AT_ONCE + 1  # a photo, and what it becomes


def test_a_verification_lets_photos_go_too() -> None:
    world = World()
    world.known(ANN, RED)
    stored = world.stored(*[stored_photo((200, at, 10), at) for at in range(PHOTOS)])
    its, counting = services(world)
    verify(VerifyRequest(stored.upload_id, False, True, False), its)
    assert len(counting.made) >= PHOTOS
    assert counting.most <= AT_ONCE


def test_a_photo_that_was_turned_or_decoded_larger_is_not_held_as_it_was_before() -> None:
    counting = Counting()
    photos = [counting(f"{at}", photo_file(RED), 10**6, 10**6, WORKING_AREA) for at in range(AT_ONCE)]

    def closer(photo: Photo) -> Photo:
        return counting(photo.name, photo.data, 10**6, 10**6, CLOSER_AREA)

    upright.find_faces(photos, ColourDetector(), closer)
    assert [photo.scale for photo in photos] == [1.0] * AT_ONCE
    assert sum(one() is not None for one in counting.made) == AT_ONCE
