"""bin/recognize: what is looked at, how faces are followed, and what is saved."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.types import Box, Detection, Person, Pixels
from tools.cli import main as cli
from tools.recognize.looking import Looking
from tools.recognize.outputs import Label, Outputs, draw, safe
from tools.recognize.sources import CannotLookError, Source, open_source
from tools.recognize.tracking import LOOKS, LOST_AFTER_S, Embeddings, Named, Track, Tracker

ANN = Named(Person(1, "ID-1", "ann", "ann", "Ann"), 0.1, 1e-4)


def face(left: float, size: float = 40.0) -> Detection:
    return Detection(Box(left, 10, size, size), np.zeros((5, 2), np.float32), 0.99)


def look(value: float) -> Embeddings:
    return {"M": np.array([value], np.float32)}


class Naming:
    """Names tracks by their first look: 1 is Ann. Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def name(self, track: Track) -> Named:
        self.asked.append(track.number)
        return ANN if track.looks[0]["M"][0] == 1 else Named()

    def is_same(self, one: Embeddings, track: Track) -> bool:
        return bool(one["M"][0] == track.looks[0]["M"][0])


def _looked(looks: dict[float, Embeddings], one: Detection) -> Embeddings:
    return looks[one.box.left]


def steps(tracker: Tracker, frames: Sequence[tuple[float, Sequence[tuple[float, float]]]]) -> list[list[int]]:
    """Run frames of (seconds, faces of (left, what it looks like)); return the tracks' numbers."""
    numbers = []
    for seconds, faces in frames:
        looks = {face(left).box.left: look(value) for left, value in faces}
        found = [face(left) for left, _ in faces]
        numbers.append([one.number for one in tracker.step(seconds, found, partial(_looked, looks))])
    return numbers


def tracker() -> tuple[Tracker, Naming]:
    naming = Naming()
    return Tracker(naming.name, naming.is_same), naming


def test_a_face_that_moves_is_one_track_and_is_named_once() -> None:
    one, naming = tracker()
    numbers = steps(one, [(at * 0.25, [(at * 5.0, 1)]) for at in range(12)])
    assert numbers == [[1]] * 12
    assert (naming.asked, len(one.tracks[0].looks), one.tracks[0].named) == ([1], LOOKS, ANN)
    one.end()
    assert naming.asked == [1]


def test_two_faces_keep_their_tracks_and_a_short_one_is_named_at_the_end() -> None:
    one, naming = tracker()
    assert steps(one, [(0.0, [(0, 1), (200, 2)]), (0.1, [(201, 2), (2, 1)])]) == [[1, 2], [2, 1]]
    assert naming.asked == []
    one.end()
    assert (naming.asked, one.tracks[1].named) == ([1, 2], Named())


def test_a_face_that_jumps_goes_on_by_its_looks_and_somebody_else_does_not() -> None:
    one, _ = tracker()
    assert steps(one, [(0.0, [(0, 1)]), (0.1, [(300, 1)]), (0.2, [(0, 2)])]) == [[1], [1], [2]]


def test_who_comes_back_late_is_a_new_track() -> None:
    one, _ = tracker()
    assert steps(one, [(0.0, [(0, 1)]), (LOST_AFTER_S + 0.1, [(0, 1)])]) == [[1], [2]]


def clip(file: Path, frames: int = 12) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for at in range(frames):
        writer.write(np.full((48, 64, 3), min(20 * at, 255), np.uint8))
    writer.release()
    return file


def test_a_video_a_photo_a_folder_and_a_camera_are_told_apart(tmp_path: Path) -> None:
    video = clip(tmp_path / "clip.mp4")
    source = open_source(str(video))
    frames = list(source.frames())
    assert (len(frames), source.fps, source.broke_off, source.is_moving) == (12, 10.0, False, True)
    assert frames[3].seconds == pytest.approx(0.3)
    camera = open_source(f"camera:{video}", seconds=60.0)
    assert (camera.name, len(list(camera.frames()))) == ("camera-clip", 12)
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "photos" / "b.jpg").write_bytes(b"text")
    folder = open_source(str(tmp_path / "photos"))
    assert [frame.file.name for frame in folder.frames() if frame.file] == ["a.png"]
    assert [Path(name).name for name in folder.skipped] == ["b.jpg"]


def test_a_video_that_breaks_off_says_so(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for at in range(40):
        writer.write(np.random.default_rng(at).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()
    data = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    source = open_source(str(tmp_path / "cut.avi"))
    frames = list(source.frames())
    assert (0 < len(frames) < 39, source.broke_off) == (True, True)


@pytest.mark.parametrize("place", ["nothing.mp4", "97", "camera:/dev/none"])
def test_what_is_not_there_is_a_sentence(place: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotLookError, match=r"does not exist\.|cannot be opened"):
        open_source(place)
    assert capfd.readouterr().err == ""


def test_what_is_no_video_is_a_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"text")
    with pytest.raises(CannotLookError, match="neither a photo nor a video"):
        open_source(str(tmp_path / "a.mp4"))


def test_names_become_safe_file_names() -> None:
    assert (safe("../../Ада Лавлейс"), safe("///")) == ("Ада_Лавлейс", "face")


def test_boxes_are_drawn_and_the_frame_stays() -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    drawn = draw(pixels, [Label(Box(10, 30, 20, 20), "Ann 0.100", True)])
    assert (drawn.shape, bool(drawn.any()), bool(pixels.any())) == ((60, 80, 3), True, False)


class StillRecogniser:
    """Finds one face where a frame is not black, and names it Ann where it is bright."""

    def find(self, pixels: Pixels) -> list[Detection]:
        return [face(5, 30)] if pixels.mean() > 10 else []

    def embed(self, pixels: Pixels, face: Detection) -> Embeddings:
        return look(1.0 if pixels.mean() > 100 else 2.0)

    def name(self, track: Track) -> Named:
        return ANN if track.looks[0]["M"][0] == 1 else Named()

    def is_same(self, one: Embeddings, track: Track) -> bool:
        return False


def test_a_clip_is_annotated_cropped_and_reported(tmp_path: Path) -> None:
    source: Source = open_source(str(clip(tmp_path / "clip.mp4")))
    outputs = Outputs(tmp_path / "out", source)
    recogniser: Any = StillRecogniser()
    looking = Looking(recogniser, outputs, source.is_moving, 1)
    for frame in source.frames():
        looking.take(frame)
    rows = looking.end()
    outputs.report(rows)
    assert [(row.where, row.name, row.id) for row in rows] == [("track 1", "Unknown", "")]
    assert (rows[0].first_s, rows[0].last_s, rows[0].frames) == (0.1, 1.1, 11)
    assert json.loads((tmp_path / "out" / "seen.json").read_text())[0]["name"] == "Unknown"
    with (tmp_path / "out" / "seen.csv").open() as file:
        assert [row["where"] for row in csv.DictReader(file)] == ["track 1"]
    again = open_source(str(tmp_path / "out" / "annotated" / "clip.mp4"))
    assert len(list(again.frames())) == 12
    assert len(looking.unknown()) >= 2


def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.recognize.command.opened", lambda env: nullcontext(StillRecogniser()))
    (tmp_path / "file").touch()
    place, out = str(clip(tmp_path / "clip.mp4")), tmp_path / "file" / "out"
    assert cli.main(["recognize", place, "--out", str(out), "--env", str(tmp_path / ".env")]) == 2
    assert capsys.readouterr().err == f"Error: {out / 'annotated'}: Not a directory\n"
    made = tmp_path / "out" / "annotated" / "clip.mp4"
    made.mkdir(parents=True)
    assert cli.main(["recognize", place, "--out", str(made.parents[1]), "--env", str(tmp_path / ".env")]) == 2
    assert "clip.mp4 cannot be written" in capsys.readouterr().err
