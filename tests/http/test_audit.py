"""A verdict over HTTP, its entry, and what bin/audit says of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from db.people import terms_of
from pipeline.ports import Terms
from tests.http.site import ID, OTHER_ID, Site, code, new_photo
from tools.cli import main as cli

pytestmark = pytest.mark.models


def test_bin_audit_explains_a_verdict_and_finds_an_edit(
    site: Site, astronaut: bytes, grace_hopper: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    env = ["--env", str(site.folder / ".env")]

    def said(*words: str, command: str = "audit") -> str:
        status = cli.main([command, *words, *env])
        printed = capsys.readouterr()
        return f"{status} {printed.out}{printed.err}"

    site.enrolled(astronaut)
    assert code(site.verify(site.uploaded(new_photo(astronaut)))) == 200
    reply = site.verify(site.uploaded(grace_hopper))
    assert code(reply) == 500
    kept = said("head")[2:].strip()
    shown = said("show", ID)
    assert shown.startswith("0 ")
    for words in ("enrol  800", "verify  200", "verify  500 Image failed", reply.headers["X-Request-ID"], "by local"):
        assert words in shown
    assert '"verify": ' in shown  # the thresholds that counted, from the entry of the settings
    assert "compare: 1 in, 0 out" in shown
    site.edit(VER_TOL="1")
    site.verify(site.uploaded(grace_hopper))
    assert "made" in said("make", "bank", "--scopes", "verify", command="keys")
    assert said("verify", "--head", kept).startswith("0 All 7 entries are there, unchanged.")

    [file] = (site.folder / "audit").iterdir()
    text = file.read_text()
    assert '"changed":["VER_TOL"]' in text
    assert '"who":"bin/keys"' in text
    assert re.search(rf"{ID}|lovelace|\bada\b", text, re.IGNORECASE) is None  # hexadecimal digits may spell "ada"
    file.write_text(text.replace('"code":500', '"code":200', 1))
    assert said("verify").startswith("1 Error: the audit is not whole")
    file.write_text(text)
    assert said("forget", ID, command="people-local").startswith("0 ")
    assert "nothing is recorded" in said("show", ID)
    assert said("verify").startswith("0 ")
    assert "nothing is recorded" in said("show", OTHER_ID)


def test_a_verdict_that_cannot_be_recorded_is_157_and_given_afterwards(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    upload = site.uploaded(new_photo(astronaut))
    folder = site.folder / "audit"
    moved = folder.rename(site.folder / "moved")
    folder.write_bytes(b"")
    reply = site.verify(upload)
    assert (code(reply), reply.status_code) == (157, 503)
    assert reply.get_json()["recognition_results"]["accepted"] is False
    folder.unlink()
    moved.rename(folder)
    assert code(site.verify(upload)) == 200


def test_consent_and_retention_are_fields_of_an_enrolment(site: Site, astronaut: bytes) -> None:
    upload = site.uploaded(astronaut)
    wrong = site.enrol(upload, retain_until="1999-01-01")
    assert (code(wrong), wrong.get_json()["upload_results"]["field"]) == (108, "retain_until")
    assert code(site.enrol(upload, retain_until="2999-12-31", consent="form 17")) == 800
    _, records = site.records()
    with records.database.reading() as connection:
        assert terms_of(connection, ID) == Terms("form 17", 32503680000)
