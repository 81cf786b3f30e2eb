"""`--json` of the commands on the records: each prints one JSON document, for success and failure."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Return what runs a command on a fresh installation, and returns what it prints as JSON."""
    env = str(shutil.copy(ROOT / ".env.example", tmp_path / ".env"))
    assert cli.main(["init-db", "--env", env]) == 0
    capsys.readouterr()

    def run(command: str, *arguments: str, status: int = 0) -> Any:
        assert cli.main([command, *arguments, "--json", "--env", env]) == status
        printed = capsys.readouterr()
        assert printed.err == ""
        return json.loads(printed.out)

    return run


def test_keys_are_made_listed_and_revoked(ask: Callable[..., Any]) -> None:
    made = ask("keys", "make", "Onboarding", "--scopes", "verify,upload", "--days", "0")
    assert (made["scopes"], made["expires"], len(made["key"]) > 20) == (["upload", "verify"], None, True)
    (listed,) = ask("keys", "list")["keys"]
    assert (listed["key_id"], listed["label"], "key" in listed) == (made["key_id"], "Onboarding", False)
    assert ask("keys", "revoke", made["key_id"]) == {"revoked": made["key_id"]}
    (fault,) = ask("keys", "revoke", made["key_id"], status=2)["errors"]
    assert "no such key" in fault


def test_the_audit_says_whether_it_is_whole(ask: Callable[..., Any], tmp_path: Path) -> None:
    ask("keys", "make", "x", "--scopes", "admin")
    head = ask("audit", "head")["head"]
    assert ask("audit", "verify") == {"entries": 1, "head": head, "uncounted": []}
    (file,) = (tmp_path / "audit").glob("*.jsonl")
    file.write_text(file.read_text().replace("admin", "verif"))
    assert ask("audit", "verify", status=1)["errors"][0] == "the audit is not whole"
    assert ask("audit", "show", "ID-1", status=2)["errors"] != []


def test_the_others_answer_in_json_too(ask: Callable[..., Any], tmp_path: Path) -> None:
    assert ask("init-db")["table"] == "reco_table"
    assert ask("people-local", "list") == {"people": []}
    assert ask("people-local", "different", "A", "B") == {"ids": ["A", "B"], "were_linked": False, "linked": False}
    assert ask("rekey") == {"key": "none", "changed": 0, "strangers": 0}
    assert ask("backup", str(tmp_path / "copy"))["folder"] == str(tmp_path / "copy")
    assert [code["name"] for code in ask("why", "630")["codes"]] == ["NO_FACE"]


def test_faults_of_the_settings_are_a_list(ask: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("VER_TOL=x")
    faults = ask("people-local", "list", status=2)["errors"]
    assert "VER_TOL: is not a whole number, accepted: a whole number, 1 or more" in faults
