"""A few worker processes that decode; one that dies or takes too long is replaced, and its photo refused."""

import gc
import hashlib
import os
import queue
import signal
import socket
import subprocess
from collections.abc import Callable
from threading import Lock

from pipeline.models.wire import WireError, pixels_in, receive, send, started
from pipeline.parallel import give_back, usable_cores
from pipeline.stages.decode import (
    MOST_AGAIN,
    WORKING_AREA,
    Budget,
    Decoded,
    Undecodable,
    check_bytes,
    kind_of,
    most_seconds,
)
from pipeline.types import Photo

MOST_WORKERS = 4
PATIENCE = 30.0
"""Seconds without any word from a worker after which it is ended, whatever it is doing."""

_SLOW = "The image takes too long to decode: save it anew as JPEG at a smaller size."
_CRASH = "The image stops its decoder: save it anew as JPEG."


class DecodingPool:
    """Decodes as `pipeline.stages.decode.decode` does, in other processes. Safe to call from several threads.

    Workers start with the first photo that needs one, or with `warm`. Photos that are large when decoded whole are
    decoded one at a time; before the largest, `make_room` is called to free memory. Needs Linux: limits of memory and
    time, and memory files without a name.
    """

    def __init__(self, workers: int | None = None, make_room: Callable[[], None] = lambda: None) -> None:
        count = workers or min(MOST_WORKERS, usable_cores())
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        large = Lock()
        self._all = [_Worker(large, make_room) for _ in range(count)]
        for worker in self._all:
            self._free.put(worker)

    def decode(
        self,
        name: str,
        data: bytes,
        max_bytes: int,
        max_pixels: int,
        area: int = WORKING_AREA,
        budget: Budget | None = None,
    ) -> Photo:
        """Decode a file; see `pipeline.stages.decode.decode`. Raises `Undecodable`; `OSError` if no worker starts."""
        check_bytes(data, max_bytes)
        kind_of(data)
        worker = self._free.get()
        try:
            if budget:
                budget.check()
            worker.start()
            found, took, digest = worker.decode(data, max_pixels, area)
            if budget:
                budget.spend(took)
        finally:
            self._free.put(worker)
        if isinstance(found, str):
            raise Undecodable(found)
        return Photo(name, found.pixels, digest, data, found.kind, found.scale, area=area)

    def warm(self) -> None:
        """Start all workers, so that no request waits for it."""
        for worker in self._all:
            worker.start()

    def close(self) -> None:
        """End all workers."""
        for worker in self._all:
            worker.stop()


class _Worker:
    """One process and the socket to it; used by one thread at a time. Who decodes a large photo holds `large`."""

    def __init__(self, large: Lock, make_room: Callable[[], None]) -> None:
        self._large, self._make_room = large, make_room
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Start the process unless it runs."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._close()
                self._process, self._socket = started("pipeline.models.decoding.worker", PATIENCE)

    def decode(self, data: bytes, max_pixels: int, area: int) -> tuple[Decoded | str, float, str]:
        """Return what the file shows or why it cannot be decoded, the CPU seconds, and the data's SHA-256 in hex."""
        if self._socket is None:
            raise RuntimeError("the worker was not started")
        holds = False
        try:
            seconds = most_seconds(len(data))
            job = {"length": len(data), "max_pixels": max_pixels, "area": area, "seconds": seconds}
            send(self._socket, job, data)
            digest = hashlib.sha256(data).hexdigest()
            told, file = receive(self._socket)
            if "large" in told:
                holds = self._large.acquire()
                if int(told["large"]) > MOST_AGAIN:
                    self._make_room()
                    gc.collect()  # earlier requests' photos may be part of cycles
                give_back()  # the worker needs much memory now
                send(self._socket, {})
                told, file = receive(self._socket)
            found = _understood(told, file, area)
            if told["is_last"]:
                self.stop()
            return found, float(told["took"]), digest
        except (WireError, OSError, KeyError, TypeError, ValueError) as error:
            return self._lost(error), most_seconds(len(data)), ""
        finally:
            if holds:
                self._large.release()

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            self._close()

    def _lost(self, error: Exception) -> str:
        """End a worker that cannot be talked to any longer; return what to say of its photo."""
        with self._lock:
            process = self._process
            self._close()
        late = isinstance(error, TimeoutError) or (process is not None and process.returncode == -signal.SIGXCPU)
        return _SLOW if late else _CRASH

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _understood(told: dict[str, object], file: int | None, area: int) -> Decoded | str:
    """Return what a worker answered. Raises `WireError`, `KeyError` or `ValueError` where it is nonsense."""
    if file is None:
        return str(told["reason"])
    try:
        height, width, scale = int(str(told["height"])), int(str(told["width"])), float(str(told["scale"]))
        if not 0 < height * width <= area:
            raise WireError("more pixels than were asked for")
        return Decoded(pixels_in(file, height, width), str(told["kind"]), scale)
    finally:
        os.close(file)
