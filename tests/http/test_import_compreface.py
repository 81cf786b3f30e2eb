"""Importing from CompreFace: from a server that speaks its API, from this server's own, and from a folder."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.site import ROOT, Site, blank, new_photo
from tests.unit.test_import_compreface import KEY, FakeServer
from tools.enrol_folder.person import FolderEnroller
from tools.enrol_folder.report import Entry, State
from tools.import_compreface.command import KEY as VARIABLE
from tools.import_compreface.server import CompreFaceServer
from tools.import_compreface.subjects import SubjectFolders, folders_of, subjects_of

pytestmark = pytest.mark.models

LOOSE = {"SCORE_TOL": "0", "LIVENESS_FOR_COMPREFACE": "off"}


@pytest.fixture
def old(astronaut: bytes, grace_hopper: bytes) -> FakeServer:
    """Return a server with two people, one of whose images shows nobody."""
    photos = {"a": astronaut, "b": new_photo(astronaut), "c": grace_hopper, "d": blank()}
    return FakeServer({"Ada Lovelace": ["a", "b", "d"], "Grace Hopper": ["c"]}, photos)


@contextmanager
def over_loopback(fake: FakeServer) -> Iterator[str]:
    """Serve a fake on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = httpx.Request("GET", f"http://old{self.path}", headers=dict(self.headers))
            answered = fake(request)
            self.send_response(answered.status_code)
            self.send_header("Content-Length", str(len(answered.content)))
            self.end_headers()
            self.wfile.write(answered.content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def imported(site: Site, server: CompreFaceServer) -> list[Entry]:
    subjects = subjects_of(server)
    enroller = FolderEnroller(site.container, pause=lambda _: None, intake=subjects)
    return [enroller.enrol(one) for one in subjects.people()]


def ended(entries: list[Entry]) -> list[tuple[str, State, int | None, int]]:
    return [(one.name, one.state, one.code, one.photos) for one in entries]


def recognised(site: Site, photo: bytes) -> list[str]:
    reply = site.client.post("/api/v1/recognition/recognize", data={"file": (photo_stream(photo), "now.jpg")})
    return [one["subject"] for one in reply.get_json()["result"][0]["subjects"]]


def photo_stream(photo: bytes) -> Any:
    import io

    return io.BytesIO(photo)


def test_subjects_of_a_server_are_recognised_and_imported_once(
    make_site: Callable[..., Site], old: FakeServer, astronaut: bytes, grace_hopper: bytes
) -> None:
    site, server = make_site(**LOOSE), CompreFaceServer("http://old", KEY, httpx.MockTransport(old))
    first = imported(site, server)
    assert ended(first) == [
        ("Ada Lovelace", State.ENROLLED, 800, 2), ("Grace Hopper", State.ENROLLED, 800, 1),
    ]  # fmt: skip
    assert (list(first[0].left_out), first[0].id[:3]) == (["d"], "cf-")
    assert site.client.get("/api/v1/recognition/subjects").get_json() == {"subjects": ["Ada Lovelace", "Grace Hopper"]}
    faces = site.client.get("/api/v1/recognition/faces?subject=Ada%20Lovelace").get_json()["faces"]
    ids = [str(uuid.UUID(one["image_id"])) for one in faces]
    pictures = [site.client.get(f"/api/v1/recognition/faces/{one}/img").get_data() for one in ids]
    assert (len(set(ids)), len(set(pictures)), all(pictures)) == (2, 2, True)
    assert recognised(site, new_photo(astronaut, 5)) == ["Ada Lovelace"]
    assert [(one.state, one.id) for one in imported(site, server)] == [(State.ALREADY, one.id) for one in first]
    old.images["Grace Hopper"].append("e")
    old.photos["e"] = new_photo(grace_hopper)
    assert ended(imported(site, server))[1] == ("Grace Hopper", State.ENROLLED, 850, 1)


def test_a_subject_without_a_usable_image_keeps_its_name(make_site: Callable[..., Site], old: FakeServer) -> None:
    old.images = {"Nobody": ["d"], "Empty": []}
    site = make_site(**LOOSE)
    entries = imported(site, CompreFaceServer("http://old", KEY, httpx.MockTransport(old)))
    assert [one.state for one in entries] == [State.LEFT_OUT, State.LEFT_OUT]
    assert site.client.get("/api/v1/recognition/subjects").get_json() == {"subjects": ["Empty", "Nobody"]}


def test_this_servers_own_api_can_be_imported_from(
    make_site: Callable[..., Site], astronaut: bytes, grace_hopper: bytes
) -> None:
    source, target = make_site(**LOOSE), make_site(**LOOSE)
    for name, photo in (("Ada", astronaut), ("Grace", grace_hopper)):
        sent = {"file": (photo_stream(photo), "photo.jpg")}
        assert source.client.post(f"/api/v1/recognition/faces?subject={name}", data=sent).status_code == 201

    def asked(request: httpx.Request) -> httpx.Response:
        reply = source.client.get(str(request.url.raw_path, "ascii"))
        return httpx.Response(reply.status_code, content=reply.get_data())

    entries = imported(target, CompreFaceServer("http://source", KEY, httpx.MockTransport(asked)))
    assert ended(entries) == [("Ada", State.ENROLLED, 800, 1), ("Grace", State.ENROLLED, 800, 1)]
    assert recognised(target, new_photo(astronaut)) == ["Ada"]


def test_folders_are_subjects(make_site: Callable[..., Site], tmp_path: Path, astronaut: bytes) -> None:
    (tmp_path / "old" / "Ада Лавлейс").mkdir(parents=True)
    (tmp_path / "old" / "Ада Лавлейс" / "1.jpg").write_bytes(astronaut)
    site = make_site(**LOOSE)
    enroller = FolderEnroller(site.container, pause=lambda _: None, intake=SubjectFolders())
    (entry,) = [enroller.enrol(one) for one in folders_of(tmp_path / "old")]
    assert (entry.name, entry.state, recognised(site, new_photo(astronaut))) == (
        "Ада Лавлейс", State.ENROLLED, ["Ада Лавлейс"],
    )  # fmt: skip


def test_the_command_imports_reports_and_never_shows_the_key(
    make_site: Callable[..., Site], old: FakeServer, tmp_path: Path
) -> None:
    site, report = make_site(**LOOSE), tmp_path / "report.csv"
    with over_loopback(old) as url:
        command = [sys.executable, str(ROOT / "bin" / "import-compreface"), url, "--report", str(report)]
        command += ["--env", str(site.folder / ".env")]
        done = subprocess.run(command, env={**os.environ, VARIABLE: KEY}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "2 enrolled, 0 already enrolled, 0 left out"
    with report.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["name"], row["state"], row["photos"]) for row in rows] == [
        ("Ada Lovelace", "enrolled", "2"), ("Grace Hopper", "enrolled", "1"),
    ]  # fmt: skip
    assert KEY not in done.stdout + report.read_text() + site.log()
