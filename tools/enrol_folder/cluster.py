"""The same on a Ray cluster: a task a person, each worker process with models of its own.

Ray runs a task again whose worker or node has died; that nobody is enrolled twice by it is the register's doing. Every
node has this repository and its `.env` in the same place, and sees the same database, folders and photos.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from codes_dict import Code
from tools.enrol_folder.entry import Entry, State
from tools.enrol_folder.layout import Candidate
from tools.enrol_folder.person import Intake

ROOT = Path(__file__).resolve().parents[2]

MEMORY = 900 * 1024 * 1024
"""Bytes that a worker with its models may take: a node gets no more workers than its memory holds."""

RETRIES = 5
"""How often a person is tried again after a worker or node has died: a photo may be what kills it."""

WAIT_S, CONNECT_S = 1.0, 5.0
_LOOPBACK = ("127.0.0.1", "localhost")


class NoClusterError(Exception):
    """Why the cluster cannot be worked on, in one sentence."""


def enrol_on_cluster(
    address: str, env_file: Path, is_embedded: bool, people: Sequence[Candidate], stop: threading.Event
) -> Iterator[Entry]:
    """Enrol people on the cluster at HOST:PORT, yielding an entry each as they are done; `is_embedded` is for SQLite.

    Once `stop` is set no further people are begun. Raises `NoClusterError`.
    """
    ray = _connected(address)
    try:
        hindered = why_unschedulable(ray.nodes(), is_embedded)
        if hindered:
            raise NoClusterError(hindered)
        if not _check_a_worker(ray, env_file, stop):
            return
        task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(enrol_one)
        waiting, under_way = iter(people), dict[Any, Candidate]()
        while True:
            while not stop.is_set() and len(under_way) < _at_once(ray):
                candidate = next(waiting, None)
                if candidate is None:
                    break
                under_way[task.remote(str(env_file), candidate)] = candidate
            if not under_way:
                return
            done, _ = ray.wait(list(under_way), num_returns=1, timeout=WAIT_S)
            for reference in done:
                yield _entry_of(ray, reference, under_way.pop(reference))
    finally:
        ray.shutdown()


def enrol_one(env_file: str, candidate: Candidate) -> Entry:
    """Enrol a person with the models of this worker process, which are loaded for the first one."""
    return _intake(env_file).take(candidate)


def prepare(env_file: str) -> str:
    """Load the models of this worker process; return what is missing, in one sentence."""
    from tools.enrol_folder.workbench import CannotWorkError

    try:
        _intake(env_file)
    except CannotWorkError as reason:
        return str(reason)
    return ""


@cache
def _intake(env_file: str) -> Intake:
    """Open this process's workbench once. A worker has one CPU: models are loaded seeing one core, for one thread."""
    from tools.enrol_folder.workbench import opened

    kept = ExitStack()
    atexit.register(kept.close)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        return kept.enter_context(opened(Path(env_file)))
    finally:
        os.sched_setaffinity(0, cores)


def _connected(address: str) -> Any:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise NoClusterError(f"{address} is no address of a Ray cluster, HOST:PORT.")
    is_local = host in _LOOPBACK
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    if is_local:  # else Ray takes the loopback address for the machine's outer one, where nobody listens
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()  # Ray itself would try for minutes
        import ray

        where = {"_node_ip_address": "127.0.0.1"} if is_local else {}
        ours = ray.job_config.JobConfig(_py_driver_sys_path=[str(ROOT)])
        ray.init(address=address, job_config=ours, log_to_driver=False, configure_logging=False, **where)
    except ImportError as error:
        raise NoClusterError("Ray is not installed: pip install --no-deps -r requirements-ray.txt.") from error
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise NoClusterError(f"There is no Ray cluster at {address}: {_first_line(error)}") from error
    return ray


def _check_a_worker(ray: Any, env_file: Path, stop: threading.Event) -> bool:
    """Let one worker load everything first: what is missing there is said once, and not for everybody.

    False where `stop` was set meanwhile.
    """
    task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(prepare).remote(str(env_file))
    while not ray.wait([task], timeout=WAIT_S)[0]:
        if stop.is_set():
            return False
    try:
        missing = ray.get(task)
    except ray.exceptions.RayError as error:
        raise NoClusterError(f"A worker of the cluster cannot begin: {_first_line(error)}") from error
    if missing:
        raise NoClusterError(f"A worker of the cluster cannot begin: {missing}")
    return True


def why_unschedulable(nodes: Sequence[Mapping[str, Any]], is_embedded: bool) -> str:
    """Return what hinders workers on Ray's nodes, in one sentence; empty where nothing does.

    Where no node is large enough, Ray would wait for one for ever. `is_embedded` stands for SQLite.
    """
    alive = [node for node in nodes if node["Alive"]]
    rooms = [node["Resources"] for node in alive]
    if not any(room.get("CPU", 0) >= 1 and room.get("memory", 0) >= MEMORY for room in rooms):
        return f"No node of the cluster has a CPU and {MEMORY >> 20} MiB of memory for a worker."
    if is_embedded and len({node["NodeManagerAddress"] for node in alive}) > 1:
        return "SQLite serves one machine, and the cluster has several: SQL_URI has to name a MySQL server."
    return ""


def _at_once(ray: Any) -> int:
    """Return how many people are handed out: enough that no worker waits, few enough to hear of a stop soon."""
    return 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))


def _entry_of(ray: Any, reference: Any, candidate: Candidate) -> Entry:
    try:
        entry: Entry = ray.get(reference)
    except ray.exceptions.RayError as error:
        why = f"The workers that tried to enrol this person died: {_first_line(error)}"
        code = Code.INTERNAL
        return Entry(
            candidate.id, candidate.name, str(candidate.folder), State.LEFT_OUT, int(code), why, code.operator_does,
            is_the_servers=True,
        )  # fmt: skip
    return entry


def _first_line(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error  # Ray wraps what a worker raised into its own lines
    return next(iter(str(cause).splitlines()), type(cause).__name__)
