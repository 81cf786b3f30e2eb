"""What the commands accept as data, and what they say of the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tools.calibration import command as calibrate_command
from tools.cli import main as cli
from tools.evaluation.faces import read_photo
from tools.evaluation.layout import LayoutError, Pair, read_pairs, read_people, restrict
from tools.evaluation.recognition import best_threshold, pair_accuracy, tar_at

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a maker of folders: every argument is a photo's place; photos are not readable unless given as bytes."""

    def made(*places: str, content: bytes = b"not a photo") -> Path:
        for place in places:
            file = tmp_path / "data" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (tmp_path / "data").mkdir(exist_ok=True)
        return tmp_path / "data"

    return made


def test_that_people_are_folders_and_other_files_are_passed_over(make: Make) -> None:
    data = read_people(make("b/1.jpg", "a/2.PNG", "a/1.jpeg", "a/notes.txt", "a/.hidden.jpg", "pairs.txt"))
    assert data.people == ("a", "b")
    assert [(data.people[who], file.name) for who, file in zip(data.person, data.files, strict=True)] == [
        ("a", "1.jpeg"),
        ("a", "2.PNG"),
        ("b", "1.jpg"),
    ]


def test_that_a_folder_named_images_is_looked_into(make: Make) -> None:
    assert read_people(make("images/a/1.jpg", "images/a/2.jpg", "images/b/1.jpg")).people == ("a", "b")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["a/1.jpg", "a/2.jpg"], "one person only"),
        (["a/1.jpg", "b/1.jpg"], "one photo of each person"),
        (["a/1.jpg", "a/2.jpg", "b/1.jpg", "1.jpg"], "photos outside of the people"),
        (["a/b/1.jpg"], "no folders with photos"),
        ([], "no folders with photos"),
    ],
)
def test_that_data_that_measures_nothing_is_refused_in_one_sentence(make: Make, places: list[str], words: str) -> None:
    with pytest.raises(LayoutError, match=words):
        read_people(make(*places))


def test_that_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is not a folder"):
        read_people(tmp_path / "gone")


@pytest.mark.parametrize("command", ["calibrate", "evaluate"])
def test_that_a_command_ends_with_two_and_one_sentence(
    command: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, str(make("a/1.jpg", "a/2.jpg"))]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n"), "one person only" in said.err) == ("", 1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--models", "Nobody"], "--models takes"), (["--models", "Dlib,Dlib"], "--models takes")],
)
def test_that_an_unknown_model_is_refused(
    make: Make, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert cli.main(["calibrate", str(make("a/1.jpg", "a/2.jpg", "b/1.jpg")), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("rates", ["x", "0", "2", "1e-3,"])
def test_that_rates_that_are_none_are_refused(make: Make, capsys: pytest.CaptureFixture[str], rates: str) -> None:
    assert cli.main(["calibrate", str(make("a/1.jpg", "a/2.jpg", "b/1.jpg")), "--fmr", rates]) == 2
    assert "ate" in capsys.readouterr().err


def test_that_a_rate_that_the_data_cannot_show_is_refused_before_anything_is_measured() -> None:
    person = np.repeat(np.arange(20), 2)  # 40 photos, 760 impostor pairs
    calibrate_command._check_rates(person, (1e-1, 10 / 760))
    with pytest.raises(
        LayoutError, match=r"^FMR 1e-2 is refused: 760 impostor pairs cannot show it, 1000 are needed\.$"
    ):
        calibrate_command._check_rates(person, (1e-1, 1e-2))


def test_that_an_unreadable_photo_is_named(make: Make) -> None:
    file = make("a/1.jpg") / "a" / "1.jpg"
    with pytest.raises(LayoutError, match=r"1\.jpg cannot be read as a photo"):
        read_photo(file)


def _pairs(make: Make, text: str) -> list[Pair]:
    folder = make("a/a_0001.jpg", "a/a_0002.jpg", "b/b_0001.jpg", "c/c_0001.jpg")
    (folder / "pairs.txt").write_text(text, encoding="utf-8")
    return read_pairs(folder / "pairs.txt", read_people(folder))


def test_that_pairs_are_read_in_their_folds(make: Make) -> None:
    found = _pairs(make, "2\t1\na\t1\t2\na\t1\tb\t1\na\t2\t1\nb\t1\tc\t1\n")
    assert found == [Pair(0, 1, True, 0), Pair(0, 2, False, 0), Pair(1, 0, True, 1), Pair(2, 3, False, 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not start"),
        ("folds\n", "does not start"),
        ("1\t1\na\t1\t2\n", "promises 2"),
        ("1\t1\na\t1\t9\na\t1\tb\t1\n", "names a_0009"),
        ("1\t1\na\t1\tb\t1\na\t1\t2\n", "line 2, is not a pair of one person"),
        ("1\t1\na\tx\t2\na\t1\tb\t1\n", "line 2"),
    ],
)
def test_that_a_broken_file_of_pairs_is_refused_with_its_line(make: Make, text: str, words: str) -> None:
    with pytest.raises(LayoutError, match=words):
        _pairs(make, text)


def test_that_only_the_photos_that_pairs_name_are_used(make: Make) -> None:
    pairs = _pairs(make, "1\t1\na\t1\t2\na\t1\tb\t1\n")
    assert restrict(read_people(make()), pairs).people == ("a", "b")


def test_that_the_digest_follows_the_content_and_nothing_else(make: Make) -> None:
    first = read_people(make("a/1.jpg", "a/2.jpg", "b/1.jpg")).digest()
    assert read_people(make("a/1.jpg", "a/2.jpg", "b/1.jpg")).digest() == first
    assert read_people(make("b/1.jpg", content=b"other")).digest() != first


def test_that_pair_accuracy_decides_every_fold_by_the_others() -> None:
    """Fold 0 alone would put the threshold at 0.5; the other fold puts it at 2.5 and gets one of fold 0 wrong."""
    scores = np.array([0.0, 1.0, 2.0, 3.0])
    same = np.array([True, False, True, False])
    found = pair_accuracy(scores, same, np.array([0, 0, 1, 1]))
    assert (found.accuracy, found.folds) == (0.5, 2)


def test_that_one_fold_is_divided_into_ten() -> None:
    same = np.arange(100) % 2 == 0
    found = pair_accuracy(np.where(same, 0.0, 1.0), same, np.zeros(100, np.int64))
    assert (found.accuracy, found.sem, found.folds) == (1.0, 0.0, 10)


def test_that_the_best_threshold_has_the_fewest_errors() -> None:
    assert best_threshold(np.array([0.1, 0.2, 0.3, 0.9]), np.array([True, True, False, False])) == pytest.approx(0.25)


def test_that_a_true_accept_rate_is_only_given_where_the_impostors_show_it() -> None:
    genuine, impostor = np.array([0.0, 0.5, 2.0]), np.linspace(1.0, 2.0, 1000)
    assert tar_at(genuine, impostor, 1e-2) == pytest.approx(2 / 3)
    assert tar_at(genuine, impostor, 1e-3) is None
