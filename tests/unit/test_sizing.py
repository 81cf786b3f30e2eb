"""The figures of docs/sizing.md: the arithmetic there is about what the gallery really keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.benchmark.enrolling import filled
from tools.benchmark.sizing import main, measure


@pytest.mark.slow
def test_a_person_takes_an_embedding_and_a_token_in_the_gallerys_file() -> None:
    people = 1000
    taken = measure(people)
    headers = 400 / people  # the dictionary around the rows
    assert 20 + 4 * 128 <= taken["bytes of the gallery's file"] <= 20 + 4 * 128 + headers


def test_a_gallery_that_is_opened_again_has_everybody(tmp_path: Path) -> None:
    office = filled(tmp_path, 50)
    office.enrol_one()
    assert set(office.reopened().snapshot().ids) == {*(f"ID-{number}" for number in range(50)), "NEW-1"}


def test_without_a_number_of_people_nothing_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["many"]) == 2
    assert capsys.readouterr().err == "How many people? python -m tools.benchmark.sizing 200000\n"
