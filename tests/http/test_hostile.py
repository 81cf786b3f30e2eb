"""What images may cost a real server: processor time and memory, whatever is in the files."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection

import pytest

from tests.hostile_files import hostile, progressive
from tests.http.site import ID, ROOT
from tests.http.test_load import SETTINGS
from tests.picture_files import FORMATS, file_of, noise
from tests.unit.test_decode_fuzz import mutated
from tools.benchmark.client import cpu_s, memory_bytes
from tools.installation.trial import TrialServer, trial_server

pytestmark = [pytest.mark.models, pytest.mark.timeout(3600)]

IS_WHOLE = os.environ.get("FACEAPP_TEST_HOSTILE") == "all"
"""Every file and 60 mutated ones of each format, which takes minutes; else one in nine and 3."""
MOST_CPU_S = 5.0
"""Seconds of processor time for one image; at most 2.4 were measured."""
MOST_MEMORY = 400_000_000
"""Bytes above the ready server's: what networks keep for the largest photos seen, and one large image being decoded."""
PROCESSED = {107, 117, 119, 120}


class Watched:
    """A server, the most memory that it and its workers take together, and their processor time."""

    def __init__(self, server: TrialServer) -> None:
        self.server, self.ready, self.peak = server, self._memory(server), 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def cost(self, *files: bytes) -> tuple[int, float]:
        """Upload files in one request; return the code and the seconds of processor time."""
        before = self._cpu_s()
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="%d"\r\n\r\n' % at + file + b"\r\n"
            for at, file in enumerate(files)
        )
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        connection.request("POST", f"/upload_imgs?id={ID}", body + b"--b--\r\n", headers)
        code = int(json.loads(connection.getresponse().read())["upload_code"])
        connection.close()
        return code, self._cpu_s() - before

    @property
    def above_ready(self) -> int:
        """Return the most bytes above the ready server's until now."""
        return self.peak - self.ready

    def close(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.peak = max(self.peak, self._memory(self.server))

    @staticmethod
    def _memory(server: TrialServer) -> int:
        return memory_bytes(server.process.pid)

    def _cpu_s(self) -> float:
        return cpu_s(self.server.process.pid)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with trial_server(ROOT, tmp_path_factory.mktemp("server"), SETTINGS) as running:
        watched = Watched(running)
        yield watched
        watched.close()


def check(watched: Watched, name: str, files: Sequence[bytes]) -> None:
    code, seconds = watched.cost(*files)
    print(f"{name}: {code}, {seconds:.2f} s of CPU, at most {watched.above_ready / 1e6:.0f} MB above ready", flush=True)
    assert code in PROCESSED, name
    assert seconds <= MOST_CPU_S * len(files), name
    assert watched.above_ready <= MOST_MEMORY, name


def test_no_hostile_image_costs_much(watched: Watched) -> None:
    for number, (name, make) in enumerate(hostile()):
        if IS_WHOLE or number % 9 == 0:
            check(watched, name, [make()])


def test_no_mutated_image_costs_much(watched: Watched) -> None:
    for extension in [*FORMATS, "heic"]:
        chance, whole = random.Random(extension), file_of(extension, noise(300, 200))
        for number in range(60 if IS_WHOLE else 3):
            check(watched, f"mutated {extension} {number}", [mutated(whole, chance)])


def test_eight_of_the_largest_photos_in_one_request_cost_no_more_memory_than_one(watched: Watched) -> None:
    check(watched, "eight progressive JPEGs of 50 MP", [progressive("4:4:4" if IS_WHOLE else "4:2:0")] * 8)
