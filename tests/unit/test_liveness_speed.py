"""What liveness costs is measured on the same faces, in turns, against one call a face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codes_dict import Refusal
from pipeline.types import Face, Liveness, LivenessVerdict
from tests.fakes import ColourDetector, GivenJudge, face_of
from tools.evaluation.liveness_speed import (
    BATCH,
    PEER,
    ROUNDS,
    as_text,
    cost,
    deepface_fasnet,
    measure_speed,
    six_faces,
)


class Peer:
    """Notes what it is asked, as DeepFace's Fasnet would be."""

    def __init__(self) -> None:
        self.areas: list[Any] = []

    def analyze(self, img: Any, facial_area: Any) -> tuple[bool, float]:
        self.areas.append((img[0, 0].tolist(), facial_area))
        return True, sum(range(2000)) / 1e9


class Counting(GivenJudge):
    """Notes how many faces each call brings."""

    def __init__(self) -> None:
        super().__init__(lambda face: Liveness.LIVE)
        self.batches: list[int] = []

    def judge(self, faces: Any) -> list[LivenessVerdict]:
        self.batches.append(len(faces))
        return super().judge(faces)


FACES: list[Face] = [face_of((10 * number, 20, 30)) for number in range(BATCH)]


def test_engines_get_all_faces_at_once_and_deepface_one_at_a_time() -> None:
    peer, judge = Peer(), Counting()
    speed = measure_speed({"cnn": judge}, FACES, peer)
    assert judge.batches == [BATCH] * (1 + ROUNDS)
    assert len(peer.areas) == BATCH * (1 + ROUNDS)
    assert peer.areas[1] == ([30, 20, 10], (16, 16, 32, 32)), "blue first, and the box in whole pixels"
    assert list(speed["costs"]) == [PEER, "cnn"]
    assert {speed["costs"][PEER][name] for name in ("ratio", "ratio_lowest", "ratio_highest")} == {1.0}


def test_medians_and_ends_are_printed_and_kept() -> None:
    figures = {"cpu_ms_a_face": 3.0, "ratio": 0.04, "ratio_lowest": 0.02, "ratio_highest": 0.1}
    assert cost([4.0, 2.0, 3.0], [100.0, 100.0, 30.0]) == figures
    speed = measure_speed({}, FACES, Peer())
    assert PEER in as_text(speed)
    assert "[1.000, 1.000]" in as_text(speed)
    assert speed["batch"] == 6


def test_a_folder_with_too_few_faces_cannot_be_measured(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "bona_fide"
    folder.mkdir(parents=True)
    for number in range(BATCH):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 64, 3), 40 * number, np.uint8))
    with pytest.raises(ValueError, match="fewer than 6 faces"):  # the first picture is black: no face
        six_faces(tmp_path, ColourDetector())
    cv2.imwrite(str(folder / "0.png"), np.full((64, 64, 3), 9, np.uint8))
    assert len(six_faces(tmp_path, ColourDetector())) == BATCH


def test_without_fasnet_s_files_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"Fasnet's 2\.7_80x80_MiniFASNetV2\.h5 is not in"):
        deepface_fasnet(tmp_path)
