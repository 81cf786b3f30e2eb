"""People in front of a camera are not taken for pictures, and the same person on a phone's screen is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from tests.http.site import Site, code, encoded, results

pytestmark = pytest.mark.models

EARLY_MIDDLE_LATE = 0.1, 0.5, 0.9
QUARTERS = 0.25, 0.5, 0.75
BONA_FIDE = (
    "Apfol_real2.webm",
    "Krzysiek354_real.mp4",
    "intel_face-demographics.gif",
    "intel_head-pose-female.gif",
    "intel_head-pose-male.gif",
)
REPLAYED = ("Apfol_fake2.webm",)


def frames(clip: Path, places: Sequence[float]) -> list[bytes]:
    """Return frames of a clip as photos; places from 0, the first, to 1, the last."""
    video = cv2.VideoCapture(str(clip))
    read = []
    while (taken := video.read())[0]:
        read.append(taken[1])
    video.release()
    return [encoded(read[round(place * (len(read) - 1))]) for place in places]


@dataclass(frozen=True)
class Case:
    """A server, and which frames of a clip it is sent."""

    site: Site
    places: Sequence[float]

    def judged(self, clip: Path) -> tuple[int, list[str]]:
        """Verify three frames of a clip as one request; its code, and each face's state."""
        upload_id = self.site.uploaded(*frames(clip, self.places))
        reply = self.site.verify(upload_id, skip_liveness="false")
        rows = {row["name"]: row for row in results(reply)["stages"]}
        return code(reply), [f"{item['image']} {item['state']} {item['engines']}" for item in rows["liveness"]["items"]]


@pytest.fixture(params=[("cnn,fasnet", EARLY_MIDDLE_LATE), ("cnn", QUARTERS)], ids=["both engines", "the shipped one"])
def case(make_site: Callable[..., Site], shared_data: Path, request: pytest.FixtureRequest) -> Case:
    """Return a server with both engines, and one with the shipped engine alone; each gets other frames."""
    engines, places = request.param
    return Case(make_site(LIVENESS_ENGINES=engines, MODEL_MIRROR=str(shared_data / "weights")), places)


@pytest.mark.parametrize("clip", BONA_FIDE)
def test_a_person_in_front_of_the_camera_goes_on_to_the_comparison(case: Case, shared_data: Path, clip: str) -> None:
    number, faces = case.judged(shared_data / "data" / "video" / clip)
    assert number == 116, faces


@pytest.mark.parametrize("clip", REPLAYED)
def test_a_replayed_phone_screen_is_560(case: Case, shared_data: Path, clip: str) -> None:
    number, faces = case.judged(shared_data / "data" / "video" / clip)
    assert number == 560, faces
