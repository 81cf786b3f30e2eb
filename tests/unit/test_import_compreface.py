"""Reading a CompreFace server: its pages, its failures, its limits; and the report of an import."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tools.cli import main as cli
from tools.enrol_folder.layout import CannotReadError, LayoutError
from tools.enrol_folder.report import Entry, Report, State
from tools.import_compreface import command
from tools.import_compreface.server import CompreFaceError, CompreFaceServer, TooLargeError
from tools.import_compreface.subjects import NOT_STORED, ServerSubjects, folders_of, subjects_of

KEY = "00000000-0000-0000-0000-000000000002"
LIMITS: Any = SimpleNamespace(max_image_mb=1, max_upload_mb=2)

Answer = Callable[[httpx.Request], httpx.Response]


def server_that(answer: Answer, url: str = "http://old-server:8000/") -> CompreFaceServer:
    return CompreFaceServer(url, KEY, httpx.MockTransport(answer), pause=lambda _: None)


class FakeServer:
    """Subjects with images, in pages of two; `photos` are the files that it keeps."""

    def __init__(self, images: dict[str, list[str]], photos: dict[str, bytes]) -> None:
        self.images, self.photos = images, photos
        self.asked: list[str] = []
        self.failures = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["x-api-key"] == KEY
        path = request.url.path.removeprefix("/api/v1/recognition/")
        self.asked.append(path)
        if self.failures:
            self.failures -= 1
            return httpx.Response(502, text="Bad gateway")
        if path == "subjects":
            return httpx.Response(200, json={"subjects": list(self.images)})
        if path == "faces":
            return httpx.Response(200, json=self.page(int(request.url.params["page"])))
        photo = self.photos.get(path.split("/")[1])
        return httpx.Response(404) if photo is None else httpx.Response(200, content=photo)

    def page(self, number: int) -> dict[str, Any]:
        faces = [{"image_id": one, "subject": name} for name, ids in self.images.items() for one in ids]
        pages = -(-len(faces) // 2)
        return {"faces": faces[2 * number : 2 * number + 2], "page_number": number, "total_pages": pages}


def test_all_pages_are_read_and_subjects_without_images_are_there() -> None:
    fake = FakeServer({"Ada": ["a", "b", "c"], "Ben": ["d"], "Cy": []}, {})
    subjects = subjects_of(server_that(fake))
    assert [one.name for one in subjects.people()] == ["Ada", "Ben", "Cy"]
    assert fake.asked == ["faces", "faces", "subjects"]


def test_the_base_path_may_be_in_the_address() -> None:
    assert server_that(FakeServer({}, {}), "http://x/api/v1").url == server_that(FakeServer({}, {}), "http://x").url


def test_a_server_that_knows_no_pages_is_read_once() -> None:
    faces = [{"image_id": "a", "subject": "Ada"}]
    assert server_that(lambda _: httpx.Response(200, json={"faces": faces})).images() == {"Ada": ["a"]}


def test_photos_come_with_why_others_do_not() -> None:
    large = 1 << 20
    photos = {"a": b"one", "b": b"one", "c": b"", "e": b"x" * (large + 1), "f": b"y" * large, "g": b"z" * large}
    fake = FakeServer({"Ada": [*"abcdefg"]}, photos)
    subjects = subjects_of(server_that(fake))
    found = subjects.photos(subjects.people()[0], LIMITS)
    assert [(one.name, len(one.data)) for one in found.photos] == [("a", 3), ("f", large)]
    assert found.left_out["b"] == "The same file as a."
    assert (found.left_out["c"], found.left_out["d"]) == (NOT_STORED, NOT_STORED)
    assert all("MAX_IMAGE_MB" in found.left_out[name] for name in "eg")


def test_a_failure_that_passes_is_tried_again() -> None:
    fake = FakeServer({"Ada": ["a"]}, {})
    fake.failures = 2
    assert server_that(fake).subjects() == ["Ada"]


def test_a_server_that_keeps_failing_is_one_sentence_without_the_key() -> None:
    fake = FakeServer({"Ada": ["a"]}, {})
    fake.failures = 3
    with pytest.raises(CompreFaceError, match=r"^http://old-server:8000/api/v1 cannot be read: HTTP 502\.$"):
        server_that(fake).subjects()
    fake.failures = 3
    subjects = ServerSubjects(server_that(fake), {"Ada": ["a"]})
    with pytest.raises(CannotReadError, match="cannot be read"):
        subjects.photos(subjects.people()[0], LIMITS)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_named_and_not_shown(status: int) -> None:
    with pytest.raises(CompreFaceError, match="does not accept the key") as refused:
        server_that(lambda _: httpx.Response(status, json={"message": "no", "code": 1})).subjects()
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "reply", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(404)]
)
def test_something_else_than_compreface_is_one_sentence(reply: httpx.Response) -> None:
    with pytest.raises(CompreFaceError, match="does not answer as CompreFace does"):
        server_that(lambda _: reply).images()


def test_a_server_that_cannot_be_reached_is_one_sentence() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    with pytest.raises(CompreFaceError, match="cannot be read: Connection refused"):
        server_that(broken).subjects()


def test_too_large_a_file_is_not_read_to_its_end() -> None:
    with pytest.raises(TooLargeError):
        server_that(lambda _: httpx.Response(200, content=b"x" * 11)).photo("a", 10)


def test_folders_are_subjects_by_name(tmp_path: Path) -> None:
    for name in ("Ben", "Ada Lovelace", ".hidden"):
        (tmp_path / name).mkdir()
    assert [(one.name, one.folder.name) for one in folders_of(tmp_path)] == [
        ("Ada Lovelace", "Ada Lovelace"), ("Ben", "Ben"),
    ]  # fmt: skip
    for wrong in (tmp_path / "Ben", tmp_path / "none"):
        with pytest.raises(LayoutError):
            folders_of(wrong)


@pytest.mark.parametrize(
    "arguments", [["http://127.0.0.1:9"], ["http://127.0.0.1:9", "--key", "a\nb"], ["/no/such/folder"]]
)
def test_what_prevents_the_start_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(command.KEY, raising=False)
    assert cli.main(["import-compreface", *arguments]) == 2
    said = capsys.readouterr().err
    assert (said.count("\n"), "a\nb" in said) == (1, False)


ENTRIES = [
    Entry("cf-1", "=Ada", "Ada", State.ENROLLED, 800, "Done.", photos=2, left_out={"c": "Poor.", "d": "No face."}),
    Entry("cf-2", "Ben", "Ben", State.LEFT_OUT, 120, possible_duplicates=("RECO_ID_1", "RECO_ID_2")),
]


def test_a_report_by_its_suffix_is_csv_or_json(tmp_path: Path) -> None:
    for name in ("report.csv", "report.json"):
        report = Report("http://old-server", lambda _: None)
        report.open(tmp_path / name)
        for entry in ENTRIES:
            report.add(entry)
        report.close()
        assert report.is_whole
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text(), newline="")))
    assert [(row["name"], row["state"], row["code"], row["photos"]) for row in rows] == [
        ("'=Ada", "enrolled", "800", "2"), ("Ben", "left out", "120", "0"),
    ]  # fmt: skip
    assert (rows[0]["left_out"], rows[1]["possible_duplicates"]) == ("c: Poor.\nd: No face.", "RECO_ID_1\nRECO_ID_2")
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["folder"], [one["name"] for one in written["people"]]) == ("http://old-server", ["=Ada", "Ben"])
