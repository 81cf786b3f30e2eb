"""Decoding in processes of its own: the same photos, and no crash, runaway or death that reaches the server."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.models import wire
from pipeline.models.decoding import DecodingPool, pool
from pipeline.stages.decode import MOST_AGAIN, Budget, Undecodable, decode
from pipeline.types import Photo
from tests.picture_files import FORMATS, HEIC, encoded, file_of, gradient, noise

LIMITS: dict[str, Any] = {"max_bytes": 50_000_000, "max_pixels": 108_000_000}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workers() -> Iterator[DecodingPool]:
    made = DecodingPool(2)
    made.warm()
    yield made
    made.close()


def same(one: Photo, other: Photo) -> bool:
    facts = [(photo.name, photo.digest, photo.data, photo.kind, photo.scale) for photo in (one, other)]
    return facts[0] == facts[1] and np.array_equal(one.pixels, other.pixels)


def reason(of: DecodingPool, data: bytes, **more: Any) -> str:
    with pytest.raises(Undecodable) as refused:
        of.decode("a", data, **LIMITS, **more)
    return refused.value.reason


def processes(of: DecodingPool) -> list[int]:
    return [worker._process.pid for worker in of._all if worker._process is not None]


def slow_jpeg(scans: int) -> bytes:
    """A progressive JPEG that repeats its first scan before it goes on."""
    data = encoded(Image.new("RGB", (3000, 3000), (90, 60, 50)), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff", start + 14)
    while data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
        end = data.index(b"\xff", end + 2)
    return data[:start] + data[start:end] * scans + data[end:]


@pytest.mark.parametrize("extension", [*FORMATS, "heic"])
def test_a_worker_decodes_to_the_same_photo(workers: DecodingPool, extension: str) -> None:
    data = file_of(extension)
    assert same(workers.decode("photo", data, **LIMITS), decode("photo", data, **LIMITS))


def test_many_threads_get_each_their_own_photo(workers: DecodingPool) -> None:
    files = [encoded(gradient(60 + at, 50), "JPEG") for at in range(24)] + [HEIC]
    with ThreadPoolExecutor(8) as threads:
        photos = list(threads.map(lambda data: workers.decode("a", data, **LIMITS), files))
    assert all(same(photo, decode("a", data, **LIMITS)) for photo, data in zip(photos, files, strict=True))


def test_a_refusal_reads_as_it_does_without_workers(workers: DecodingPool) -> None:
    for data in (b"", b"%PDF", file_of("jpg")[:900], file_of("png")[:90], encoded(Image.new("L", (900, 9)), "PNG")):
        with pytest.raises(Undecodable) as refused:
            decode("a", data, **LIMITS)
        assert reason(workers, data) == refused.value.reason


def test_the_pixels_are_read_only_and_stay_when_the_worker_goes_on(workers: DecodingPool) -> None:
    first = workers.decode("a", file_of("png"), **LIMITS)
    assert not first.pixels.flags.writeable
    others = [workers.decode("a", encoded(noise(), "PNG"), **LIMITS) for _ in range(4)]
    assert (first.pixels == gradient()).all()
    assert all(same(one, others[0]) for one in others)


def test_a_worker_that_died_while_it_was_idle_is_replaced() -> None:
    alone = DecodingPool(1)
    alone.warm()
    (before,) = processes(alone)
    os.kill(before, signal.SIGKILL)
    alone._all[0]._process.wait()  # type: ignore[union-attr]
    assert alone.decode("a", HEIC, **LIMITS).kind == "heic"
    assert processes(alone) != [before]
    alone.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_in_the_middle_is_the_photos_refusal_and_the_next_one_is_read(
    how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, sent = DecodingPool(1), threading.Event()

    def receive(sock: socket.socket) -> tuple[dict[str, Any], int | None]:
        sent.set()
        return wire.receive(sock)

    monkeypatch.setattr(pool, "receive", receive)
    alone.warm()
    (process,) = processes(alone)
    os.kill(process, signal.SIGSTOP)
    said: list[str] = []
    asking = threading.Thread(target=lambda: said.append(reason(alone, file_of("png"))))
    asking.start()
    assert sent.wait(60)
    os.kill(process, how)
    os.kill(process, signal.SIGCONT)
    asking.join()
    assert said == ["The image stops its decoder: save it anew as JPEG."]
    assert alone.decode("a", file_of("png"), **LIMITS).kind == "png"
    alone.close()


@pytest.mark.slow
def test_a_photo_that_takes_too_long_is_refused_and_its_process_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "most_seconds", lambda sent: 0.5)
    alone = DecodingPool(1)
    assert (
        reason(alone, slow_jpeg(300)) == "The image takes too long to decode: save it anew as JPEG at a smaller size."
    )
    assert alone.decode("a", file_of("png"), **LIMITS).kind == "png"
    alone.close()


def test_a_worker_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.5)
    alone = DecodingPool(1)
    alone.warm()
    (process,) = processes(alone)
    os.kill(process, signal.SIGSTOP)
    assert (
        reason(alone, file_of("png")) == "The image takes too long to decode: save it anew as JPEG at a smaller size."
    )
    assert processes(alone) == []
    alone.close()


@pytest.mark.slow
def test_a_photo_that_takes_too_much_memory_is_refused_and_the_next_one_is_read(workers: DecodingPool) -> None:
    turned = Image.Exif()
    turned[274] = 6
    data = encoded(Image.new("RGB", (7200, 7200)), "TIFF", compression="tiff_lzw", exif=turned)
    assert reason(workers, data) == "The image needs too much memory: save it as JPEG at a smaller size."
    assert workers.decode("a", HEIC, **LIMITS).kind == "heic"


def test_a_request_whose_budget_is_spent_gets_no_more_photos(workers: DecodingPool) -> None:
    budget = Budget(0)
    assert workers.decode("a", HEIC, **LIMITS, budget=budget).kind == "heic"
    budget.spend(3.0)
    said = "The photos before this one used up the time to decode one request: send it in a request of its own."
    assert reason(workers, HEIC, budget=budget) == said
    with pytest.raises(Undecodable, match="used up the time"):
        decode("a", HEIC, **LIMITS, budget=budget)


def test_before_the_largest_photos_room_is_made() -> None:
    side, asked = math.isqrt(MOST_AGAIN), list[int]()
    alone = DecodingPool(1, make_room=lambda: asked.append(len(asked)))
    for width, times in ((side, 0), (side + 9, 1)):
        photo = encoded(Image.new("L", (width, side)), "JPEG", progressive=True)
        assert alone.decode("a", photo, **LIMITS).kind == "jpg"
        assert len(asked) == times
    alone.close()


def test_pixels_that_could_still_be_changed_are_not_looked_at() -> None:
    for flags, size in ((os.MFD_CLOEXEC, 12), (os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING, 11)):
        file = os.memfd_create("pixels", flags)
        os.ftruncate(file, size)
        with pytest.raises(wire.WireError):
            wire.pixels_in(file, 2, 2)
        os.close(file)


def test_no_worker_outlives_a_server_that_was_killed() -> None:
    code = (
        "import time; from pipeline.models.decoding import DecodingPool\n"
        "p = DecodingPool(2); p.warm(); print(*[w._process.pid for w in p._all], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        left = [int(word) for word in server.stdout.readline().split()]
        assert len(left) == 2
        server.kill()
    end = time.monotonic() + 60
    while left and time.monotonic() < end:
        left = [pid for pid in left if is_running(pid)]
        time.sleep(0.05)
    assert left == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while the file is open
        return False


def test_closing_ends_the_workers() -> None:
    made = DecodingPool(2)
    made.warm()
    left = processes(made)
    made.close()
    assert [pid for pid in left if is_running(pid)] == []
