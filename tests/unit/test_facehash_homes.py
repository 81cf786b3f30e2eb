"""FaceHash's homes: versions are whole, ten are kept, one can be gone back to, and no key becomes a path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codes_dict import Code, Refusal
from db.facehash import KEPT, FaceHashHomes
from db.kept import FACEHASH, KeptFiles
from pipeline.classifier.options import Options, chosen
from pipeline.ports import ClassifierVersion, NewClassifier
from pipeline.types import EnrolledFaces
from security.keys import PREFIX
from security.sealing import Seal
from tests.http.site import ENV
from tools.cli import main as cli

HOME = "0a1b2c3d"


def new(*users: str, network: bytes = b"network") -> NewClassifier:
    faces = {user: EnrolledFaces({"Dlib": np.full((2, 3), at, np.float32)}, 1) for at, user in enumerate(users)}
    return NewClassifier({"Dlib": "0" * 16}, faces, {"network.h5": network}, {"network.h5": "ab"}, {"faces": 1})


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    homes = FaceHashHomes(KeptFiles(tmp_path / "new", FACEHASH), clock=lambda: 7.0)
    assert (homes.homes(), homes.current(HOME)) == ([], None)
    assert homes.add(HOME, new("ada", "Ада ../x")) == 1
    found = homes.current(HOME)
    assert found is not None
    assert (found.users, found.number, found.created) == (("ada", "Ада ../x"), 1, 7.0)
    assert (found.files, found.faces["ada"].first) == ({"network.h5": b"network"}, 1)
    assert found.faces["Ада ../x"]["Dlib"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert homes.homes() == [HOME]


def test_the_newest_versions_are_kept_and_an_older_one_can_be_used(tmp_path: Path) -> None:
    homes = FaceHashHomes(KeptFiles(tmp_path, FACEHASH))
    for _ in range(KEPT + 2):
        homes.add(HOME, new("ada"))
    assert homes.numbers(HOME) == list(range(3, KEPT + 3))
    homes.use(HOME, 5)
    assert homes.number(HOME) == 5
    assert homes.add(HOME, new("ada")) == KEPT + 3
    with pytest.raises(ValueError, match="version 1 is not stored"):
        homes.use(HOME, 1)


def test_what_was_made_of_another_version_is_refused(tmp_path: Path) -> None:
    homes = FaceHashHomes(KeptFiles(tmp_path, FACEHASH))
    homes.add(HOME, new("ada"), "")
    mark = homes.mark(HOME)
    homes.add(HOME, new("ada", "ben"))
    for change in (lambda: homes.use(HOME, 1), lambda: homes.remove(HOME), lambda: homes.add(HOME, new("eve"))):
        change()
        before = homes.mark(HOME)
        with pytest.raises(Refusal) as refusal:
            homes.add(HOME, new("ada"), mark)
        assert (refusal.value.code, refusal.value.retry) == (Code.CONFLICT, True)
        assert homes.mark(HOME) == before
    homes.remove(HOME)
    with pytest.raises(Refusal):
        homes.add(HOME, new("ada"), mark)
    assert homes.homes() == []


def test_a_version_that_is_replaced_while_it_is_read_is_read_anew(tmp_path: Path) -> None:
    class Replaced(FaceHashHomes):
        def read(self, home: str, number: int) -> ClassifierVersion:
            if number == 1:
                self.forget_older(home, self.add(home, new("ben")))
            return super().read(home, number)

    homes = Replaced(KeptFiles(tmp_path, FACEHASH))
    homes.add(HOME, new("ada"))
    found = homes.current(HOME)
    assert found is not None
    assert found.users == ("ben",)


@pytest.mark.parametrize("home", ["../x", "a/b", "", ".", "a" * 65, "é", f"{PREFIX}0123456789abcdefghij"])
def test_no_key_becomes_a_path(tmp_path: Path, home: str) -> None:
    with pytest.raises(Refusal) as refusal:
        FaceHashHomes(KeptFiles(tmp_path, FACEHASH)).add(home, new("ada"))
    assert refusal.value.code is Code.NO_KEY
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_half_removed_has_nothing_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = FaceHashHomes(KeptFiles(tmp_path, FACEHASH))
    homes.add(HOME, new("ada"))
    monkeypatch.setattr("db.files.remove_tree", lambda _folder: False)
    homes.remove(HOME)
    assert (homes.number(HOME), homes.numbers(HOME)) == (None, [1])


def test_a_damaged_version_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    homes = FaceHashHomes(KeptFiles(tmp_path, FACEHASH))
    homes.add(HOME, new("ada"))
    (tmp_path / f"HOME_{HOME}" / "v000001" / "faces.npz").write_bytes(b"x")
    with pytest.raises(Refusal) as refusal:
        homes.current(HOME)
    assert refusal.value.code is Code.INTERNAL


def test_hyper_parameters_have_bounds() -> None:
    assert chosen({"username": "ada"}) == Options()
    assert chosen({"epochs": "30", "learning_rate": 0.02, "hidden_units": 16.0}) == Options(
        epochs=30, learning_rate=0.02, hidden_units=16
    )


@pytest.mark.parametrize(
    "sent",
    [{"epochs": 0}, {"epochs": 1e9}, {"epochs": 2.5}, {"epochs": "x"}, {"dropout": "nan"}, {"l2": True}, {"l2": [1]}],
    ids=str,
)
def test_others_are_422_and_named(sent: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refusal:
        chosen(sent)
    assert (refusal.value.code, refusal.value.field) == (Code.VALUE_REFUSED, next(iter(sent)))


def test_the_command_says_why_it_cannot_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["facehash", "list", "--env", str(tmp_path / ".env")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_what_is_stored_can_be_sealed_and_sealed_anew(tmp_path: Path) -> None:
    old, new_one = b"1" * 32, b"2" * 32

    def homes(*keys: bytes | None) -> FaceHashHomes:
        return FaceHashHomes(KeptFiles(tmp_path, FACEHASH, Seal(keys)))

    homes(None).add(HOME, new("Zebulon"))
    assert homes(old, None).reseal() == 3
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"Zebulon" in path.read_bytes()] == []
    assert homes(new_one, old).reseal() == 3
    found = homes(new_one).current(HOME)
    assert (found.users if found else None, homes(new_one).reseal()) == (("Zebulon",), 0)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Return the settings of a server with two versions of a home."""
    for name in ("people", "uploads"):
        (tmp_path / name).mkdir()
    values = {**ENV, "FACEHASH_FOLDER": "homes"}
    (tmp_path / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))
    homes = FaceHashHomes(KeptFiles(tmp_path / "homes", FACEHASH))
    homes.add(HOME, new("ada"))
    homes.add(HOME, new("ada", "ben"))
    return tmp_path / ".env"


def said(env: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["facehash", *arguments, "--env", str(env)]) == 0
    return capsys.readouterr().out


def test_the_command_lists_and_rolls_back(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(env, capsys, "list") == f"{HOME}\tversion 2\tada, ben\n"
    assert "version 1 is in use" in said(env, capsys, "rollback", HOME).replace("Version", "version")
    assert said(env, capsys, "list") == f"{HOME}\tversion 1\tada\n"
    assert said(env, capsys, "versions", HOME).splitlines()[0].endswith("(in use)")
    said(env, capsys, "rollback", HOME, "2")
    assert cli.main(["facehash", "rollback", HOME, "7", "--env", str(env)]) == 2
    assert capsys.readouterr().err == "Error: version 7 is not stored\n"


def test_the_command_forgets_a_key(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["facehash", "forget", HOME, "nobody", "--env", str(env)]) == 2
    assert said(env, capsys, "forget", HOME) == "Everything of this key was removed.\n"
    assert said(env, capsys, "list") == "There are no classifiers.\n"
    assert cli.main(["facehash", "forget", "../..", "--env", str(env)]) == 2
