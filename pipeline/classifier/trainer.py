"""Has the worker train: started at the first training, ended when it has been idle for a while."""

import io
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.models.wire import WireError, receive, receive_bytes, send, started
from pipeline.types import Floats

IDLE_S = 120.0
"""Seconds after which an idle worker ends: it takes half a gigabyte."""
LONGEST_S = 300.0
"""Seconds that a training may take."""


@dataclass(frozen=True, eq=False)
class Trained:
    """The files of a trained network by name, and its validation, ready for JSON."""

    files: Mapping[str, bytes]
    validation: Mapping[str, Any]


class Trainer:
    """Trains one network after the other. Thread-safe."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._turn = threading.Lock()
        self._worker: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._ending: threading.Timer | None = None

    def prepare(self) -> None:
        """Start the worker unless it runs, so that it is ready when the faces are."""
        if self._turn.acquire(blocking=False):
            try:
                self._started()
            finally:
                self._rest()
                self._turn.release()

    def train(
        self, users: Sequence[Floats], strangers: Strangers, options: Options, progress: Callable[[float], None]
    ) -> Trained:
        """Train on each user's faces, (m, d). Raises `Refusal(INTERNAL)` where the worker dies or takes too long."""
        content = io.BytesIO()
        np.savez(
            content,
            rows=np.concatenate(users),
            counts=np.array([len(one) for one in users]),
            mean=strangers.mean,
            total=strangers.total,
            within=strangers.within,
        )
        about = {"sizes": dict(strangers.sizes), "deviations": strangers.deviations}
        message = {**about, "options": asdict(options), "seed": 1}
        with self._turn:
            watch = threading.Timer(LONGEST_S, self._kill)
            watch.daemon = True
            watch.start()
            try:
                return self._asked(message, content.getvalue(), progress)
            except (WireError, OSError, ValueError, KeyError) as error:
                self._kill()
                raise Refusal(Code.INTERNAL, f"the training process failed: {type(error).__name__} {error}") from error
            finally:
                watch.cancel()
                self._rest()

    def close(self) -> None:
        """End the worker; a training under way fails."""
        if self._ending is not None:
            self._ending.cancel()
        self._kill()

    def _asked(self, message: Mapping[str, Any], data: bytes, progress: Callable[[float], None]) -> Trained:
        sock = self._started()
        send(sock, {**message, "length": len(data)}, data)
        while True:
            told, _ = receive(sock)
            if "progress" in told:
                progress(float(told["progress"]))
            elif "done" in told:
                return Trained({name: receive_bytes(sock, size) for name, size in told["files"].items()}, told["done"])

    def _started(self) -> socket.socket:
        if self._ending is not None:
            self._ending.cancel()
        if self._worker is None or self._worker[0].poll() is not None:
            self._kill()
            self._worker = started("pipeline.classifier.worker", None)
        return self._worker[1]

    def _rest(self) -> None:
        self._ending = threading.Timer(self._idle_s, self._end_idle)
        self._ending.daemon = True
        self._ending.start()

    def _end_idle(self) -> None:
        if self._turn.acquire(blocking=False):
            try:
                self._kill()
            finally:
                self._turn.release()

    def _kill(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            process, sock = worker
            process.kill()
            process.wait()
            sock.close()
