"""`bin/why`: the cause of a request, from its id or its code alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

import pytest

from api.log_reading import lines_of, log_files
from codes_dict import _CAUSES, Code
from tests.http.site import ENV
from tools.cli import main as cli

TEXT = "INFO --- 2026-01-01T00:00:00.000+00:00 --- {} --- POST pipeline.verify: code {} in 12 ms (id 1>1)\n"


@pytest.fixture
def env(tmp_path: Path) -> Path:
    for name in ("people", "uploads"):
        (tmp_path / name).mkdir()
    (tmp_path / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in ENV.items()))
    return tmp_path / ".env"


def log(env: Path, *lines: str, suffix: str = "") -> None:
    (env.parent / f"faceapp.log{suffix}").write_text("".join(lines))


def test_the_lines_and_the_cause_of_a_request_are_found(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log(env, TEXT.format("asked", 560), TEXT.format("another", 500))
    assert cli.main(["why", "asked", "--env", str(env)]) == 0
    printed = capsys.readouterr().out
    assert Code.ALL_SPOOF.cause in printed
    assert Code.ALL_SPOOF.operator_does in printed
    assert "another" not in printed
    assert Code.NOT_VERIFIED.cause not in printed


def test_rotated_files_and_json_are_read_in_order(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log(env, json.dumps({"request_id": "asked", "message": "155 DB_DOWN: gone"}) + "\n", suffix=".1")
    log(env, json.dumps({"request_id": "asked", "message": "POST x: code 155 in 9 ms"}) + "\n{broken\n")
    assert cli.main(["why", "asked", "--env", str(env)]) == 0
    printed = capsys.readouterr().out
    assert printed.index("gone") < printed.index("in 9 ms")
    assert printed.count(Code.DB_DOWN.cause) == 1


@pytest.mark.parametrize("when", ["faceapp.log", "faceapp.log.1"])
def test_a_rotation_in_the_middle_of_reading_hides_no_line(
    env: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    names = [f"faceapp.log{suffix}" for suffix in (".2", ".1", "")]
    for number, name in enumerate(names):
        (env.parent / name).write_text(f"INFO --- now --- asked --- {number}\n")
    usual = Path.open

    def opened(path: Path, *given: str, **named: str) -> IO[str]:
        if path.name == when:
            monkeypatch.setattr(Path, "open", usual)
            for old, new in zip(names, ("faceapp.log.3", *names), strict=False):
                (env.parent / old).rename(env.parent / new)
        return usual(path, *given, **named)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(Path, "open", opened)
    assert [message for _, message in lines_of("asked", log_files(env.parent / "faceapp.log"))][-2:] == ["1", "2"]


def test_wrong_settings_do_not_hide_the_log(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log(env, TEXT.format("asked", 176))
    env.write_text(env.read_text().replace("VER_TOL='2'", "VER_TOL='many'"))
    assert cli.main(["why", "asked", "--env", str(env)]) == 0
    assert Code.BAD_ENV.operator_does in capsys.readouterr().out
    env.write_text(env.read_text().replace("faceapp.log", "no/such/folder.log"))
    assert cli.main(["why", "asked", "--env", str(env)]) == 2
    assert "LOG_LOC" in capsys.readouterr().err


def test_a_code_alone_is_explained(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why", "630", "--env", str(env.with_name("none"))]) == 0
    assert Code.NO_FACE.cause in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["nobody", "999", ""])
def test_what_is_unknown_is_said_in_one_line(env: Path, asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    log(env, TEXT.format("other", 200))
    assert cli.main(["why", asked, "--env", str(env)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_causes_belong_to_codes_and_say_more_than_the_message() -> None:
    assert set(_CAUSES) <= set(Code.__members__)
    assert [name for name, cause in _CAUSES.items() if cause == Code[name].message] == []
