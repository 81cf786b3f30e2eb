"""Where weight files are looked for, and how they are fetched: over real HTTP from a server of the test's own."""

from __future__ import annotations

import bz2
import hashlib
import http.server
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.models import download
from pipeline.models.weights import FetchFailed, WeightStore
from tools.cli import main as cli

DATA = bytes(range(256)) * 64
SHA256 = hashlib.sha256(DATA).hexdigest()


class Files(http.server.BaseHTTPRequestHandler):
    """Serves a few files; `/slow` sends a byte at a time, `/short` fewer bytes than it announces."""

    def do_GET(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inside.bin", DATA)
        known = {
            "/w.bin": DATA,
            "/short": DATA,
            "/page": b"\n<!DOCTYPE html><title>Sign in</title>",
            "/w.bin.bz2": bz2.compress(DATA),
            "/w.zip": packed.getvalue(),
            "/slow": b"x" * 200,
        }
        body = known.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.path == "/short")))
        self.end_headers()
        try:
            for start in range(0, len(body), 1 if self.path == "/slow" else len(body)):
                self.wfile.write(body[start : start + (1 if self.path == "/slow" else len(body))])
                if self.path == "/slow":
                    time.sleep(0.02)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_in_the_folder_is_found_only_if_its_hash_fits(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(DATA)
    assert WeightStore(tmp_path).find("w.bin", SHA256) == tmp_path / "w.bin"
    assert WeightStore(tmp_path).find("w.bin", "0" * 64) is None


def test_a_changed_file_is_hashed_anew(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    (tmp_path / "w.bin").write_bytes(DATA)
    assert store.find("w.bin", SHA256) == tmp_path / "w.bin"
    (tmp_path / "w.bin").write_bytes(DATA + b"tampered")
    assert store.find("w.bin", SHA256) is None


def test_a_mirror_folder_is_searched_by_hash_where_the_name_is_another(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "other-name.onnx").write_bytes(DATA)
    store = WeightStore(tmp_path / "weights", str(mirror))
    assert store.find("w.bin", SHA256) == mirror / "other-name.onnx"
    assert store.find("w.bin", None) is None


def test_fetching_brings_the_file_under_its_name_and_nothing_else(tmp_path: Path, address: str) -> None:
    path = WeightStore(tmp_path).fetch("sub/w.bin", f"{address}/w.bin", SHA256, 10)
    assert path.read_bytes() == DATA
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == ["sub/w.bin"]


def test_the_mirror_address_comes_before_the_published_one(tmp_path: Path, address: str) -> None:
    store = WeightStore(tmp_path, f"{address}/")
    assert store.fetch("w.bin", "http://127.0.0.1:9/never-asked", SHA256, 10).read_bytes() == DATA


@pytest.mark.parametrize("packed", ["w.bin.bz2", "w.zip"])
def test_an_archive_is_unpacked(packed: str, tmp_path: Path, address: str) -> None:
    assert WeightStore(tmp_path).fetch("w.bin", f"{address}/{packed}", SHA256, 10).read_bytes() == DATA


@pytest.mark.parametrize(
    ("file", "sha256", "reason"),
    [
        ("page", None, "sent a web page instead of the file"),
        ("w.bin", "0" * 64, f"its SHA-256 is {SHA256}"),
        ("absent", None, "Not Found"),
        ("short", None, "bytes came"),
    ],
)
def test_what_is_not_the_file_is_refused_and_leaves_nothing(
    file: str, sha256: str | None, reason: str, tmp_path: Path, address: str
) -> None:
    with pytest.raises(FetchFailed, match=reason):
        WeightStore(tmp_path).fetch("w.bin", f"{address}/{file}", sha256, 10)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_drips_is_given_up_after_the_time_limit(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count()
    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=lambda: 100.0 * next(ticks)))
    with pytest.raises(FetchFailed, match="longer than 60 s"):
        WeightStore(tmp_path).fetch("w.bin", f"{address}/slow", None, 60)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_gets_its_name_while_it_is_looked_at_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.bin.0123.part").write_bytes(DATA)

    class Renamed(WeightStore):
        def sha256(self, path: Path) -> str:
            path.replace(tmp_path / "other.bin")
            return super().sha256(path)

    assert Renamed(tmp_path).find("w.bin", SHA256) is None
    assert WeightStore(tmp_path).find("w.bin", SHA256) == tmp_path / "other.bin"


def test_no_other_scheme_than_http_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    with pytest.raises(FetchFailed, match="only http and https"):
        download.fetch(f"file://{secret}", tmp_path / "w.bin", None, 10)


def test_a_file_without_an_address_says_so(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"no address is known from which to fetch w\.bin"):
        WeightStore(tmp_path).fetch("w.bin", None, None, 10)


def test_the_command_says_a_line_for_each_model_and_fails_if_one_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    arguments = ["--folder", str(tmp_path / "weights"), "--mirror", str(mirror), "--timeout", "1"]
    assert cli.main(["fetch-models", "Dlib", "Nobody", *arguments]) == 2
    assert "Nobody" in capsys.readouterr().err
    assert cli.main(["fetch-models", "Dlib", *arguments]) == 0
    assert capsys.readouterr().out.startswith("Dlib: there, ")
