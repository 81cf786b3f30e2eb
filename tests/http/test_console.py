"""The console's files over HTTP: open to all, from one folder, under a policy that allows this server alone."""

from __future__ import annotations

import pytest

from security.callers import Rules
from tests.http.front import front
from tests.http.site import ROOT, code

PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FOLDER = ROOT / "static" / "console"
MOST_BYTES = 300_000


def test_a_browser_gets_the_page_and_everybody_else_the_list_of_endpoints() -> None:
    page, listed = front().get("/", headers=PAGE), front().get("/")
    assert (page.mimetype, page.data) == ("text/html", (FOLDER / "index.html").read_bytes())
    assert (code(listed), listed.mimetype) == (101, "application/json")
    assert page.headers["Vary"] == listed.headers["Vary"] == "Accept"


def test_the_page_may_use_this_server_alone_and_no_inline_code() -> None:
    headers = front().get("/", headers=PAGE).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {rule: policy[rule] for rule in ("script-src", "style-src", "connect-src")} == dict.fromkeys(
        ("script-src", "style-src", "connect-src"), "'self'"
    )
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=(self)" in headers["Permissions-Policy"]


def test_other_machines_and_names_get_the_page_too() -> None:
    assert front(Rules()).get("/", headers={**PAGE, "Host": "faces.example"}).status_code == 200
    assert front().get("/static/console/base.css", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/console/../README.md", "/static/console/%2e%2e/README.md", "/static/console/..%2f..%2f.env",
        "/static/console/", "/static/console//etc/passwd", "/static/console/nothing.js", "/static/README.md",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    assert code(front().get(path)) == 404


def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    first = front().get("/static/console/base.css")
    again = front().get("/static/console/base.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.headers["Cache-Control"], again.status_code, again.data) == ("no-cache", 304, b"")


def test_all_the_files_together_are_light() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < MOST_BYTES
