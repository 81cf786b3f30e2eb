"""What `bin/soak` does: sends hundreds of requests to its own server, counts errors and measures memory."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from importlib import resources
from pathlib import Path
from urllib.parse import urlencode

from tools.installation.trial import TrialServer

Say = Callable[[str], None]

EXPECTED = {119, 800, 838, 850, 900, 200, 134, 250, 500, 100}
"""Codes of a request that was processed, whatever the verdict."""
GROWTH_MIB = 64.0
"""How much a server may grow after warm-up: allocators and caches settle, a leak does not."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Tally:
    """Counts replies; thread-safe."""

    codes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, code: str, seconds: float) -> None:
        """Count one reply."""
        with self._lock:
            self.codes[code] += 1
            self.slowest_s = max(self.slowest_s, seconds)

    @property
    def errors(self) -> int:
        """The number of replies that are not the outcome of a processed request."""
        return sum(count for code, count in self.codes.items() if not code.isdigit() or int(code) not in EXPECTED)


class Client:
    """One client on one persistent connection."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self._tally = tally

    def upload(self, person_id: str, photo: bytes) -> str:
        """Upload a photo; returns the upload id, empty after a failure."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
        body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        reply = self._post(f"/upload_imgs?id={person_id}", body, headers)
        results = reply.get("upload_results")
        return str(results["upload_id"]) if isinstance(results, dict) and "upload_id" in results else ""

    def enrol(self, upload_id: str) -> None:
        """Enrol an upload."""
        form = {"upload_id": upload_id, "name": "Grace Hopper", "delete_pickles": "false", "rebuild_db": "false"}
        self._post("/upload_db", urlencode({**form, "in_place": "true"}).encode(), FORM)

    def verify(self, upload_id: str) -> None:
        """Verify an upload without liveness, which is not tested here."""
        form = {"upload_id": upload_id, "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "true"}
        self._post("/verify", urlencode(form).encode(), FORM)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, object]:
        begun = time.monotonic()
        reply: dict[str, object] = {}
        try:
            self._connection.request("POST", path, body, headers)
            reply = json.loads(self._connection.getresponse().read())
            code = next(str(value) for key, value in reply.items() if key.endswith("code"))
        except (OSError, HTTPException, ValueError, StopIteration) as error:
            self._connection.close()
            code = type(error).__name__
        self._tally.count(code, time.monotonic() - begun)
        return reply


@dataclass(frozen=True)
class Load:
    """The load: sequential requests, and requests of each concurrent client; an upload and its verify are two."""

    sequential: int
    clients: int
    each: int


def portrait(file: str) -> bytes:
    """Return the photo to send: the given one, or one of matplotlib's. Raises `OSError`."""
    if file:
        return Path(file).read_bytes()
    try:
        folder = resources.files("matplotlib") / "mpl-data" / "sample_data"
    except ModuleNotFoundError:
        raise FileNotFoundError("name a photo of one face with --photo") from None
    return (folder / "grace_hopper.jpg").read_bytes()


def soak(server: TrialServer, photo: bytes, load: Load, say: Say) -> bool:
    """Enrol a person and verify repeatedly, sequentially and concurrently; True if nothing failed."""
    sequential, clients, each = load.sequential, load.clients, load.each
    tally = Tally()
    first = Client(server.port, tally)
    first.enrol(first.upload("RECO_ID_1", photo))
    rounds(first, photo, 60)
    work_together(server.port, tally, photo, clients, 16)
    warm = memory_mib(server.process.pid)
    say(f"Warm: {sum(tally.codes.values())} requests, {warm:.0f} MiB")
    rounds(first, photo, sequential)
    say(f"{sequential} sequential requests: {memory_mib(server.process.pid):.0f} MiB")
    work_together(server.port, tally, photo, clients, each)
    end = memory_mib(server.process.pid)
    say(f"{clients} clients with {each} requests each: {end:.0f} MiB")
    say("Codes: " + ", ".join(f"{code} x {count}" for code, count in sorted(tally.codes.items())))
    say(f"Slowest request: {tally.slowest_s:.1f} s")
    say(f"Errors: {tally.errors}; memory after warm-up: {end - warm:+.0f} MiB (at most {GROWTH_MIB:+.0f})")
    return tally.errors == 0 and end - warm <= GROWTH_MIB


def rounds(client: Client, photo: bytes, requests: int) -> None:
    """Upload and verify, `requests` requests in all."""
    for _ in range(requests // 2):
        client.verify(client.upload("RECO_ID_1", photo))


def work_together(port: int, tally: Tally, photo: bytes, clients: int, each: int) -> None:
    """Run several clients concurrently."""
    threads: Sequence[threading.Thread] = [
        threading.Thread(target=rounds, args=(Client(port, tally), photo, each)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def memory_mib(process: int) -> float:
    """Return the memory that a process holds (its resident set), in MiB; Linux only."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
