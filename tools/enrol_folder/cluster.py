"""Enrolment on a Ray cluster: one task per person; each worker process loads its own models.

Ray repeats a task whose worker or node has died; the register prevents enrolling anybody twice. Every node needs this
repository and its `.env` in the same place, and access to the same database, folders and photos.
"""

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
from tools.enrol_folder.layout import Candidate, CannotStartError
from tools.enrol_folder.person import FolderEnroller
from tools.enrol_folder.report import Entry, State

ROOT = Path(__file__).resolve().parents[2]

MEMORY = 900 * 1024 * 1024
"""Bytes reserved for a worker and its models; they limit the number of workers on a node."""

RETRIES = 5
"""Retries per person after a worker or node has died: the photo itself may be the cause."""

WAIT_S, CONNECT_S = 1.0, 5.0
_LOOPBACK = ("127.0.0.1", "localhost")


def enrol_on_cluster(
    address: str, env_file: Path, is_embedded: bool, people: Sequence[Candidate], stop: threading.Event
) -> Iterator[Entry]:
    """Enrol people on the cluster at HOST:PORT and yield an entry for each; `is_embedded` means SQLite.

    Once `stop` is set, no further person is started. Raises `CannotStartError`.
    """
    ray = _connected(address)
    try:
        obstacle = why_unschedulable(ray.nodes(), is_embedded)
        if obstacle:
            raise CannotStartError(obstacle)
        if not _check_a_worker(ray, env_file, stop):
            return
        task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(enrol_one)
        waiting, under_way = iter(people), dict[Any, Candidate]()
        while True:
            most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))  # keeps workers busy, and stops soon
            while not stop.is_set() and len(under_way) < most:
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
    """Enrol a person with the models of this worker process, which it loads for the first person."""
    return _enroller(env_file).enrol(candidate)


def prepare(env_file: str) -> None:
    """Load the models of this worker process; raises `CannotStartError`."""
    _enroller(env_file)


@cache
def _enroller(env_file: str) -> FolderEnroller:
    """Return this process's enroller. A worker has one CPU: models load while they see one core, and use one thread."""
    from tools.enrol_folder.person import opened

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
        raise CannotStartError(f"{address} is not the address of a Ray cluster: use HOST:PORT.")
    is_local = host in _LOOPBACK
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # send no usage statistics
    if is_local:  # otherwise Ray replaces loopback by the machine's outer address, where nothing listens
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()  # Ray itself retries for minutes
        import ray

        where = {"_node_ip_address": "127.0.0.1"} if is_local else {}
        ours = ray.job_config.JobConfig(_py_driver_sys_path=[str(ROOT)])
        ray.init(address=address, job_config=ours, log_to_driver=False, configure_logging=False, **where)
    except ImportError as error:
        raise CannotStartError("Ray is not installed: pip install --no-deps -r requirements-ray.txt.") from error
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise CannotStartError(f"There is no Ray cluster at {address}: {_first_line(error)}") from error
    return ray


def _check_a_worker(ray: Any, env_file: Path, stop: threading.Event) -> bool:
    """Let one worker load everything first, so that what is missing is reported once, not per person.

    Returns False if `stop` was set in the meantime.
    """
    task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(prepare).remote(str(env_file))
    while not ray.wait([task], timeout=WAIT_S)[0]:
        if stop.is_set():
            return False
    try:
        ray.get(task)
    except ray.exceptions.RayError as error:
        raise CannotStartError(f"A worker of the cluster cannot start: {_first_line(error)}") from error
    return True


def why_unschedulable(nodes: Sequence[Mapping[str, Any]], is_embedded: bool) -> str:
    """Return why Ray's nodes cannot run workers, in one sentence; empty if they can.

    If no node is large enough, Ray waits forever. `is_embedded` means SQLite.
    """
    alive = [node for node in nodes if node["Alive"]]
    rooms = [node["Resources"] for node in alive]
    if not any(room.get("CPU", 0) >= 1 and room.get("memory", 0) >= MEMORY for room in rooms):
        return f"No node of the cluster has a CPU and {MEMORY >> 20} MiB of memory for a worker."
    if is_embedded and len({node["NodeManagerAddress"] for node in alive}) > 1:
        return "SQLite works on one machine only, and the cluster has several: set SQL_URI to a MySQL server."
    return ""


def _entry_of(ray: Any, reference: Any, candidate: Candidate) -> Entry:
    try:
        entry: Entry = ray.get(reference)
    except ray.exceptions.RayError as error:
        why, code = f"The workers that tried to enrol this person died: {_first_line(error)}", Code.INTERNAL
        about = candidate.id, candidate.name, str(candidate.folder), State.LEFT_OUT, int(code), why, code.operator_does
        return Entry(*about, is_the_servers=True)
    return entry


def _first_line(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error  # Ray adds lines of its own to an error of a worker
    return next(iter(str(cause).splitlines()), type(cause).__name__)
