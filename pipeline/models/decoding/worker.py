"""The process that decodes: `python -m pipeline.models.decoding.worker DESCRIPTOR`, until the server's end closes.

It is light, knows nothing of the server and is limited in memory and time; exceeding the time ends it.
"""

import gc
import math
import resource
import socket
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.models.wire import WireError, receive, receive_bytes, send
from pipeline.parallel import give_back
from pipeline.stages.decode import Undecodable, decode_pixels
from pipeline.types import Pixels

MEMORY = 390 * 1024 * 1024
"""Bytes that decoding a photo may take."""

BLOATED = 200 * 1024 * 1024
"""Bytes that a process holds after a photo from which on it ends itself, for a new one to take its place."""

MUCH = 6_000_000
"""Pixels decoded whole from which on a photo waits until no other one of this size is being decoded."""


def main(descriptor: int) -> None:
    """Decode one photo after the other."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file ever holds a photo
    with socket.socket(fileno=descriptor) as server, suppress(WireError, OSError):
        is_last = False
        while not is_last:
            job, _ = receive(server)
            answer, pixels = _answer(server, receive_bytes(server, job["length"]), job)
            if pixels is None:
                gc.collect()  # what failed may hold on to a large image
            give_back()
            is_last = _allocated() >= BLOATED
            send(server, {**answer, "is_last": is_last}, pixels=pixels)
            del pixels
            give_back()


def _answer(server: socket.socket, data: bytes, job: Mapping[str, Any]) -> tuple[dict[str, Any], Pixels | None]:
    """Decode; return what to say, and the pixels, None where the file is refused."""

    asked = False

    def ask(pixels: int) -> None:
        nonlocal asked
        if pixels >= MUCH and not asked:
            asked = True
            send(server, {"large": pixels})
            receive(server)
            give_back()

    start = time.process_time()
    _limit(job["seconds"])
    try:
        found = decode_pixels(data, job["max_pixels"], job["area"], ask)
    except Undecodable as refused:
        return {"reason": refused.reason, "took": time.process_time() - start}, None
    height, width = found.pixels.shape[:2]
    told = {"height": height, "width": width, "kind": found.kind, "scale": found.scale}
    return {**told, "took": time.process_time() - start}, found.pixels


def _limit(seconds: float) -> None:
    """Bound what is allocated for this photo, and let the kernel end the process after so many CPU seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_soft(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds))
    _set_soft(resource.RLIMIT_DATA, _allocated() + MEMORY)


def _set_soft(what: int, limit: int) -> None:
    resource.setrlimit(what, (limit, resource.getrlimit(what)[1]))


def _allocated() -> int:
    """Return the bytes that count for RLIMIT_DATA."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()


if __name__ == "__main__":
    main(int(sys.argv[1]))
