"""The table of keys, and bin/keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bootstrap.callers import StoredKeys
from codes_dict import Refusal
from db.keys import KeyRecords
from env_validator import SettingsFile
from security.keys import new_key
from tests.db_house import House, Where
from tools.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def keys(where: Where, tmp_path: Path) -> KeyRecords:
    return KeyRecords(House(where, tmp_path).database)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    for folder in ("db", "bin/model", "static/people", "static/uploads"):
        (tmp_path / folder).mkdir(parents=True)
    return Path(shutil.copy(ROOT / ".env.example", tmp_path / ".env"))


def test_keys_come_back_as_they_were_made_and_stay_when_revoked(keys: KeyRecords) -> None:
    first, second = (
        new_key(name, scopes, 10, end)[1]
        for name, scopes, end in (("Ä", ["upload", "verify"], None), ("b", ["admin"], 20))
    )
    assert keys.all() == []
    keys.add(first)
    keys.add(second)
    assert {one.key_id: one for one in keys.all()} == {first.key_id: first, second.key_id: second}
    assert [keys.revoke(first.key_id, 15), keys.revoke(first.key_id, 16), keys.revoke("none", 16)] == [
        True,
        False,
        False,
    ]
    assert {one.key_id: one.revoked for one in keys.all()} == {first.key_id: 15, second.key_id: None}


def test_the_command_makes_lists_and_revokes(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str, status: int = 0) -> str:
        assert main(["keys", *arguments, "--env", str(env)]) == status
        output = capsys.readouterr()
        return output.err if status else output.out

    stored = StoredKeys(SettingsFile(env).current)
    assert stored.load().records == []
    assert said("list") == "No keys: the server is open to its own machine.\n"
    made = said("make", "Onboarding", "--scopes", "upload, verify")
    text = made.split("shown only once: ")[1].split()[0]
    assert "on this machine too" in made
    record = stored.load().find(text, 0.0)
    assert record is not None
    assert record.scopes == {"upload", "verify"}
    assert record.expires == record.created + 365 * 86_400
    listed = said("list")
    assert (record.key_id in listed, "Onboarding" in listed, "valid" in listed) == (True, True, True)
    assert text not in listed
    assert record.digest not in listed + made
    assert text.encode() not in b"".join(file.read_bytes() for file in (env.parent / "db").iterdir())
    assert "shown only once" in said("make", "Forever", "--scopes", "admin", "--days", "0")
    assert "no end" in said("list")
    said("revoke", record.key_id)
    assert stored.load().find(text, 0.0) is None
    assert "no such key" in said("revoke", record.key_id, status=2)
    assert "scopes are" in said("make", "x", "--scopes", "root", status=2)
    assert "printable" in said("make", "x\n", "--scopes", "admin", status=2)
    stored.close()


@pytest.mark.parametrize("arguments", [["--help"], ["make", "--help"], ["revoke", "--help"]])
def test_help_does_nothing(env: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", *arguments]) == 0
    assert list((env.parent / "db").iterdir()) == []
    assert "Usage: bin/faceapp keys" in capsys.readouterr().out


def test_keys_follow_the_settings_and_a_database_that_is_away_is_a_refusal(env: Path) -> None:
    stored = StoredKeys(SettingsFile(env).current)
    main(["keys", "make", "x", "--scopes", "admin", "--env", str(env)])
    assert len(stored.load().records) == 1
    text = env.read_text()
    env.write_text(text.replace("db/faceapp.sqlite", "db/other.sqlite"))
    assert len(stored.load().records) == 0
    shutil.move(env.parent / "db" / "other.sqlite", env.parent / "away")
    with pytest.raises(Refusal, match="155"):
        stored.load()
    env.write_text("")
    with pytest.raises(Refusal, match="176"):
        stored.load()
    env.write_text(text)
    assert len(stored.load().records) == 1
    stored.close()
