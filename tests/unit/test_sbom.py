"""The bill of materials names every pinned package and weight; the check for vulnerabilities tells what it found."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from pipeline.registry import REGISTRY
from tools.cli import main as cli
from tools.installation.sbom import document
from tools.installation.vulnerabilities import judged

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_and_weight_is_in_the_bill_of_materials() -> None:
    made = json.loads(document(ROOT))
    parts = {part["name"]: part for part in made["components"]}
    pinned = dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ \n]+)(?! ;)$", (ROOT / "requirements.txt").read_text()))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert {name: parts[name]["version"] for name in pinned} == pinned
    assert parts["flask"]["purl"] == f"pkg:pypi/flask@{pinned['flask']}"
    sface = REGISTRY["SFace"].weights
    assert parts[sface.file]["type"] == "machine-learning-model"
    assert [one["content"] for one in parts[sface.file]["hashes"]] == [sface.sha256]


CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "ending"),
    [
        ([CLEAN, UNKNOWN], (0, "1 packages without a known vulnerability, 1 not known")),
        ([CLEAN, BAD], (1, "b 2: CVE-1")),
        ([UNKNOWN], (0, "skipped: the source knows none of 1 packages")),
    ],
)
def test_what_pip_audit_found_decides(packages: list[object], ending: tuple[int, str]) -> None:
    assert judged(json.dumps({"dependencies": packages}), "") == ending


def test_without_an_answer_the_check_is_skipped_with_the_reason() -> None:
    assert judged("", "Traceback\nConnectionError: no route") == (0, "skipped: ConnectionError: no route")
    assert judged("{}", "") == (0, "skipped: pip-audit printed nothing")


def test_without_the_packages_for_developers_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tools.installation.sbom", None)  # importing it ends as without them
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["sbom"]) == 2
    assert "pip install --no-deps -r requirements-dev.txt" in capsys.readouterr().err
    assert cli.main(["sbom", "--help"]) == 0
