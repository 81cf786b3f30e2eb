"""Strongly turned heads: which frames of clips they are, and when there are enough of them for a figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.types import Detection, Photo, Pixels
from tools.cli import main as cli
from tools.evaluation import degrade
from tools.evaluation.clips import Labels
from tools.evaluation.layout import LayoutError
from tools.evaluation.quality import LEAST_TURNED, Assessor, turned_stopped


class NothingSeen:
    """A detector that finds no face, so that every photo scores 0, and keeps count of the photos."""

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        self.seen += len(photos)
        return [[] for _ in photos]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Return a folder with a clip of eight frames, each 20 levels brighter than the one before."""
    writer = cv2.VideoWriter(str(tmp_path / "head.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(8):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return tmp_path


def listed(folder: Path, content: Any) -> Path:
    (folder / degrade.LIST).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def photos(count: int) -> list[Photo]:
    return [Photo(str(at), np.full((40, 40, 3), 90, np.uint8), str(at)) for at in range(count)]


def test_the_listed_frames_of_a_clip_are_read_and_no_others(clips: Path) -> None:
    found = degrade.turned_frames(listed(clips, {"head.avi": [1, 6]}))
    assert [round(float(photo.pixels.mean()) / 20) for photo in found] == [1, 6]


def test_a_public_clip_is_known_without_a_list(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degrade, "LABELS", {"head.avi": Labels(turned=(3,)), "not_there.gif": Labels(turned=(1,))})
    assert [photo.name for photo in degrade.turned_frames(clips)] == ["head.avi 3"]


def test_clips_that_nobody_has_looked_at_have_no_turned_frames(clips: Path) -> None:
    assert degrade.turned_frames(clips) == []


def test_a_folder_that_is_not_there_has_no_turned_frames(tmp_path: Path) -> None:
    assert degrade.turned_frames(tmp_path / "video") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ([1, 2], "is not of the form"),
        ({"head.avi": [-1]}, "is not of the form"),
        ({"head.avi": [True]}, "is not of the form"),
        ({"head.avi": [8]}, "has no frame 8"),
        ({"foot.avi": [1]}, "names foot.avi, which is not in the same folder"),
    ],
)
def test_a_list_that_cannot_be_followed_is_refused_in_one_sentence(clips: Path, content: Any, words: str) -> None:
    with pytest.raises(LayoutError, match=words):
        degrade.turned_frames(listed(clips, content))


@pytest.mark.parametrize(("count", "rates"), [(LEAST_TURNED - 1, {}), (LEAST_TURNED, {"yaw": 1.0})])
def test_fewer_than_twenty_turned_heads_give_no_figure(count: int, rates: dict[str, float]) -> None:
    detector = NothingSeen()
    assert turned_stopped(photos(count), Assessor(detector, {})) == rates
    assert detector.seen == (count if rates else 0)


def test_a_folder_of_clips_that_is_asked_for_and_not_there_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", str(tmp_path), "--clips", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"Error: {tmp_path / 'none'} is not a folder.\n"
