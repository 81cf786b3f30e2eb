"""The command that measures cues on clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.test_motion import FLAT, HEAD, seen
from tools.cli.main import main
from tools.evaluation.liveness_cues import Clip, flat_share, held, replay_lines


def test_a_folder_without_clips_is_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate-cues", str(tmp_path)]) == 2
    assert "has no clips" in capsys.readouterr().err


def test_a_still_clip_is_one_photo_and_a_clip_of_noise_is_none() -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), dtype=np.uint8))
    assert replay_lines(Clip("still", [noise[0]] * 6, 10.0))[0].endswith("least   0, median     0, same 100.0%")
    assert replay_lines(Clip("noise", noise, 10.0))[0].endswith("same   0.0%")


def test_pictures_are_counted_as_flat_and_heads_are_not() -> None:
    yaws = (0, 35, -35)
    assert flat_share([seen(FLAT, yaw) for yaw in yaws]) == (1, 1)
    assert flat_share([seen(HEAD, yaw) for yaw in yaws]) == (0, 1)


def test_a_held_photo_is_seen_on_a_ground_of_the_photo_s_size() -> None:
    photo = np.full((60, 80, 3), 255, np.uint8)
    view = held(photo, np.random.default_rng(1))
    assert view.shape == photo.shape
    assert {90, 255} <= set(view.ravel().tolist())
