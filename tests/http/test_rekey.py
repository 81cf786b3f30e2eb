"""`bin/rekey` beside a server that works: sealed, with another key, unsealed; and the starts that seal at once."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from db.files import files_in
from env_validator import load_settings
from security.sealing import NO_KEY, key_id, key_of
from tests.http.site import ID, Site, blank, code, new_photo
from tools.cli import main as cli
from tools.installation import start
from tools.installation.environment import SetupError
from tools.records import rekey
from tools.records.env_file import new_key, set_value, written

pytestmark = pytest.mark.models


@pytest.fixture
def run(site: Site, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Return what runs the command on the site; its status and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.main(["rekey", "--env", str(site.folder / ".env"), "--settle", "0", *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def keys_of(site: Site) -> set[str]:
    found = [path for path in (*files_in(site.people), *files_in(site.uploads)) if path.suffix not in (".lock", "")]
    return {key_of(path.read_bytes()) for path in found}


def test_the_store_is_sealed_then_sealed_anew_then_unsealed_and_always_serves(
    site: Site, astronaut: bytes, run: Callable[..., tuple[int, str]]
) -> None:
    site.enrolled(astronaut)
    env, seen = site.folder / ".env", []
    for number, option in enumerate(("--seal", "--new-key", "--unseal")):
        waiting = site.uploaded(new_photo(astronaut, number))
        status, printed = run(option)
        assert status == 0, printed
        keys = load_settings(env).data_key
        assert (len(keys), keys_of(site)) == (1, {key_id(keys[0])})
        assert (site.people / ".sealed").exists() is (site.uploads / ".sealed").exists() is (keys[0] is not None)
        assert code(site.verify(waiting)) == 200
        assert written(keys) not in printed or keys == (None,)
        seen.append(keys[0])
    assert (len(set(seen)), seen[2]) == (3, None)
    _, records = site.records()
    entries = [line.entry["about"] for line in records.audit.lines() if line.entry and line.entry["action"] == "rekey"]
    assert [one["step"] for one in entries] == ["begun", "done"] * 3
    assert entries[1]["keys"] == [key_id(seen[0])]
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert any(ID in path.name for path in site.people.iterdir())


def test_an_interrupted_change_is_finished_without_an_option(
    site: Site, run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = site.uploaded(blank())
    with monkeypatch.context() as patched:
        patched.setattr(rekey, "_passes", lambda *_: (_ for _ in ()).throw(OSError("the power went")))
        assert run("--seal")[0] == 2
    assert (keys_of(site), code(site.verify(upload_id))) == ({NO_KEY}, 630)
    assert run("--unseal") == (
        2, "Error: a change of the key is under way: finish it with bin/rekey, without options\n",
    )  # fmt: skip
    assert run()[0] == 0
    assert NO_KEY not in keys_of(site)
    assert run()[1] == "Nothing to change: DATA_KEY holds one key.\n"
    assert run("--seal")[1].startswith("Error: --seal is impossible: files are sealed with the key ")


def test_what_is_impossible_is_said_and_nothing_changes(site: Site, run: Callable[..., tuple[int, str]]) -> None:
    before = (site.folder / ".env").read_bytes()
    for option in ("--new-key", "--unseal"):
        assert run(option) == (2, f"Error: {option} is impossible: files are not sealed\n")
    assert run() == (0, "Nothing is sealed: --seal seals.\n")
    assert (site.folder / ".env").read_bytes() == before


def test_a_first_start_seals_where_nothing_is_kept_yet(site: Site) -> None:
    said: list[str] = []
    start.seal(site.folder, said.append)
    (key,) = load_settings(site.folder / ".env").data_key
    assert key is not None
    assert said[0].endswith("files are sealed with the new key in DATA_KEY. Keep a copy of it elsewhere.")
    start.seal(site.folder, said.append)
    assert said[1] == f"DATA_KEY is set already: files are sealed with the key {key_id(key)}."
    site.uploaded(blank())
    assert keys_of(site) == {key_id(key)}


def test_a_start_does_not_hide_what_is_kept_unsealed(site: Site) -> None:
    site.uploaded(blank())
    with pytest.raises(SetupError, match="bin/rekey --seal"):
        start.seal(site.folder, lambda _line: None)
    assert "DATA_KEY" not in (site.folder / ".env").read_text()


def test_a_start_does_not_hide_classifiers_either(site: Site) -> None:
    home = load_settings(site.folder / ".env").facehash_folder / "HOME_one"
    home.mkdir(parents=True)
    with pytest.raises(SetupError, match="bin/rekey --seal"):
        start.seal(site.folder, lambda _line: None)


def test_a_value_in_env_is_replaced_where_it_is_and_everything_else_stays(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# first\nVER_TOL=2\n export DATA_KEY = 'old'\nDATA_KEYS=x\n")
    key = new_key()
    set_value(env, "DATA_KEY", key)
    assert env.read_text() == f"# first\nVER_TOL=2\nDATA_KEY={key}\nDATA_KEYS=x\n"
    set_value(env, "LOG_KEEP", "3")
    assert env.read_text().endswith("DATA_KEYS=x\n# Number of rotated log files to keep\nLOG_KEEP=3\n")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
