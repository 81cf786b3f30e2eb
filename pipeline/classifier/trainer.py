"""Has the worker train: started at the first training, ended when it has been idle for a while."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.classifier.worker import receive, send
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

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
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
            except (OSError, ValueError, KeyError) as error:
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
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise ValueError("it has no pipes")
        send(process.stdin, message, data)
        while (told := receive(process.stdout)) is not None:
            if "progress" in told[0]:
                progress(float(told[0]["progress"]))
            elif "done" in told[0]:
                return Trained(_cut(told[0]["files"], told[1]), told[0]["done"])
        raise ValueError("it ended")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._ending is not None:
            self._ending.cancel()
        if self._process is None or self._process.poll() is not None:
            environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipeline.classifier.worker"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _rest(self) -> None:
        self._ending = threading.Timer(IDLE_S, self._end_idle)
        self._ending.daemon = True
        self._ending.start()

    def _end_idle(self) -> None:
        if self._turn.acquire(blocking=False):
            try:
                self._kill()
            finally:
                self._turn.release()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not sent any more
                        pipe.close()


def _cut(sizes: Mapping[str, int], data: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    start = 0
    for name, size in sizes.items():
        files[name] = data[start : start + size]
        start += size
    return files
