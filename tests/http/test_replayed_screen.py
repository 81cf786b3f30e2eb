"""A person in front of the camera passes, and the same person on a phone's screen does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tests.http.site import Site, code, encoded

pytestmark = pytest.mark.models


def frames(clip: Path, count: int = 3) -> list[bytes]:
    """Return frames of a clip, spread over it, as photos."""
    video = cv2.VideoCapture(str(clip))
    read = [video.read()[1] for _ in range(int(video.get(cv2.CAP_PROP_FRAME_COUNT)) or 120)]
    video.release()
    there = [frame for frame in read if frame is not None]
    return [encoded(there[round(at * (len(there) - 1) / (count + 1))]) for at in range(1, count + 1)]


def test_a_replayed_phone_screen_is_560_and_its_person_in_front_of_the_camera_is_not(
    make_site: Callable[..., Site], shared_data: Path
) -> None:
    site = make_site()
    clips = shared_data / "data" / "video"
    screen = site.uploaded(*frames(clips / "Apfol_fake2.webm"))
    assert code(site.verify(screen, skip_liveness="false")) == 560
    person = site.uploaded(*frames(clips / "Apfol_real2.webm"))
    assert code(site.verify(person, skip_liveness="false")) == 116
