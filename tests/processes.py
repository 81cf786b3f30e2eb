"""Real other processes for tests.

None is a fork of the tests' own process: that has threads of gRPC and of the models, and a child that inherits a lock
which one of them holds waits for it without end. Each is a fork of a process that has none, and has to end in time.
"""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess

from tests.loopback import guarded_methods

PATIENCE_S = 240

context = multiprocessing.get_context("forkserver")
"""Where processes, and what they share, are made."""
context.set_forkserver_preload(["tests.db_house"])


def started(work: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """Start a process that calls `work`, a module's function, with arguments that can be pickled."""
    process = context.Process(target=_on_loopback, args=(work, *arguments), daemon=True)
    process.start()
    return process


def _on_loopback(work: Callable[..., object], *arguments: object) -> None:
    for method, guarded in guarded_methods().items():
        setattr(socket.socket, method, guarded)
    work(*arguments)


def ended(*processes: ForkServerProcess) -> list[int | None]:
    """Wait for processes; return their exit statuses: minus the signal's number where one was killed.

    None stands for one that did not end within `PATIENCE_S`; it is killed.
    """
    statuses = []
    for process in processes:
        process.join(PATIENCE_S)
        statuses.append(process.exitcode)
        if process.exitcode is None:
            process.kill()
            process.join()
    return statuses
