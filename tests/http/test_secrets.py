"""Planted secrets, photos and embeddings: no reply, log line, audit entry or file of the server's own repeats them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pipeline import flows
from tests.http.site import ID, OTHER_ID, Site, new_photo
from tools.cli import main as cli

pytestmark = pytest.mark.models

PLANTED = {
    "SUPER_PASSWORD": "Planted-Super-Pa55",
    "SQL_PASS": "planted-sql-pass",
    "MODEL_URL": "http://planted-user:planted-url-pass@127.0.0.1:9/model?token=planted-token",
}
WORDS = ("Planted-Super-Pa55", "planted-sql-pass", "planted-url-pass", "planted-token")
PASSWORD = {"password": "Planted-Wrong-Pa55"}
BODIES: list[dict[str, Any]] = [{}, {"json": PASSWORD}, {"data": {"upload_id": "x"}}, {"data": b"\xff\x00{"}]


def every_reply(site: Site, key: str) -> list[TestResponse]:
    """Send good and bad requests to every route."""
    headers = {"X-API-Key": key, "Origin": "http://localhost"}
    replies, client = [], FlaskClient(site.client.application, site.client.response_wrapper)
    for rule in site.client.application.url_map.iter_rules():
        path = str(rule).replace("<int:number>", "1")
        path = "/".join(ID if part.startswith("<") else part for part in path.split("/"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if not (method == "DELETE" and path == f"/people/{ID}"):
                replies += [client.open(path, method=method, headers=headers, **body) for body in BODIES]
    return replies


def texts(replies: list[TestResponse]) -> bytes:
    return b"\n".join(str(reply.headers).encode() + reply.get_data() for reply in replies)


def test_no_secret_photo_or_embedding_is_repeated(
    site: Site,
    astronaut: bytes,
    grace_hopper: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.edit(**PLANTED, ALLOW_SKIP_LIVENESS="true")
    site.enrolled(astronaut)
    embeddings = embeddings_of(site)  # before some route takes the person away
    env = ["--env", str(site.folder / ".env")]
    assert cli.main(["keys", "make", "planted", "--scopes", "admin", *env]) == 0
    key = capsys.readouterr().out.split("shown only once: ")[1].split()[0]
    site.container.keyring.refresh()
    header = {"HTTP_X_API_KEY": key}
    site.client.environ_base.update(header)
    replies = [site.verify(site.uploaded(new_photo(astronaut))), site.verify(site.uploaded(grace_hopper))]
    replies += every_reply(site, key) + every_reply(site, "planted-key-that-is-wrong")

    def breaks(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(flows, "verify", breaks)
    replies.append(site.verify(f"{ID}-{'0' * 32}"))
    monkeypatch.undo()
    site.edit(VER_TOL="planted-token", SCORE_TOL="planted-sql-pass", SUPER_PASSWORD="planted-url-pass")
    replies += [site.client.get("/health/ready"), site.verify(f"{OTHER_ID}-{'0' * 32}")]

    said = texts(replies)
    written = b"\n".join(path.read_bytes() for path in own_files(site))
    needles = [word.encode() for word in (*WORDS, key, "Planted-Wrong-Pa55")]
    assert [word for word in needles if word in said + written] == []
    assert b"599" in said
    parts = [part for data in (astronaut, grace_hopper, *embeddings) for part in pieces(data)]
    log_and_audit = b"\n".join(path.read_bytes() for path in own_files(site) if path.suffix in (".log", ".jsonl"))
    assert [part for part in parts if part in said + log_and_audit] == []


def own_files(site: Site) -> list[Path]:
    return [path for path in site.folder.rglob("*") if path.is_file() and path.name != ".env"]


def embeddings_of(site: Site) -> list[bytes]:
    """Return the enrolled embeddings as bytes."""
    _, records = site.records()
    person = records.gallery.snapshot().person(ID)
    assert person is not None
    rows = [row for block in person.values() for row in block]
    return [np.ascontiguousarray(row, "<f4").tobytes() for row in rows]


def pieces(data: bytes) -> list[bytes]:
    """Return parts of a photo or embedding, as they are and as base64, which has to begin at a multiple of three."""
    places = [place - place % 3 for place in np.linspace(len(data) // 10, len(data) * 9 // 10, 12).astype(int)]
    parts = [data[place : place + 24] for place in places]
    parts = [part for part in parts if len(set(part)) > 6]
    return [*parts, *(base64.b64encode(part) for part in parts)]
