"""Work that takes longer than a request should: it runs in a thread of this process, and its caller polls it.

Jobs live in memory. They do not survive a restart: the id of a job that another process made is `lost`, which tells
its caller to send the request again. What a job changes is stored by the work itself, whole or not at all.
"""

import contextvars
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from codes_dict import Code, Outcome, Refusal

_log = logging.getLogger(__name__)

MOST_UNDER_WAY = 4
"""Jobs that run at the same time: each keeps its request's photos in memory."""
MOST_KEPT = 500
"""Ended jobs whose results are kept; the oldest go first."""
LIFETIME_S = 3600.0
"""Seconds for which the result of an ended job is kept."""

_ID = re.compile(r"(?P<process>[0-9a-f]{8})-[0-9a-f]{32}", re.ASCII)

Progress = Callable[[float], None]
"""Called by the work with the share that is done, 0 to 1."""
Work = Callable[[Progress], Outcome]


class State(Enum):
    """How far a job is. `LOST`: another process ran it, which has ended since, or serves beside this one."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


@dataclass(eq=False)
class Job:
    """One job. `owner` is the key that made it, empty on the open server; times are in seconds since 1970.

    `outcome` is how it ended: what the request would have been answered.
    """

    id: str
    kind: str
    owner: str = ""
    subject: str = ""
    started: float = 0.0
    ended: float | None = None
    progress: float = 0.0
    state: State = State.RUNNING
    outcome: Outcome | Refusal | None = field(default=None, repr=False)
    over: threading.Event = field(default_factory=threading.Event, repr=False)

    def wait(self) -> Outcome:
        """Wait for the end; return the outcome or raise the refusal."""
        self.over.wait()
        if isinstance(self.outcome, Outcome):
            return self.outcome
        raise self.outcome or Refusal(Code.INTERNAL)

    def as_dict(self) -> dict[str, Any]:
        """Return the job as a reply shows it; `result` holds the code, message and results of the ended work."""
        return {
            "job": self.id,
            "kind": self.kind,
            "state": self.state.value,
            "progress": round(self.progress, 3),
            "seconds": round((self.ended or time.time()) - self.started, 1) if self.started else None,
            "result": _shown(self.outcome),
        }


class Jobs:
    """The jobs of one process. Thread-safe."""

    def __init__(self, most: int = MOST_UNDER_WAY, lifetime_s: float = LIFETIME_S) -> None:
        self._most, self._lifetime_s = most, lifetime_s
        self._process = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, kind: str, owner: str, subject: str, work: Work) -> Job:
        """Run work in a thread of its own and return its job.

        Refuses with CONFLICT while a job of this kind is under way for the same `subject`, and with BUSY where too
        many jobs are under way.
        """
        with self._lock:
            self._drop_old()
            under_way = [job for job in self._jobs.values() if job.state is State.RUNNING]
            if any((job.kind, job.subject) == (kind, subject) for job in under_way):
                raise Refusal(Code.CONFLICT)
            if len(under_way) >= self._most:
                raise Refusal(Code.BUSY, "too many jobs are under way")
            job = Job(f"{self._process}-{secrets.token_hex(16)}", kind, owner, subject, time.time())
            self._jobs[job.id] = job
        context = contextvars.copy_context()  # log lines of the work carry the request's id
        threading.Thread(target=context.run, args=(_run, job, work), name=f"job {kind}", daemon=True).start()
        return job

    def find(self, job_id: str, owner: str) -> Job:
        """Return a job of this owner; refuses with NO_ROUTE where there is none, or none any longer.

        An id of another process is a job that is `LOST`, whoever asks: nothing is known of it.
        """
        with self._lock:
            self._drop_old()
            job = self._jobs.get(job_id)
        if job is not None and job.owner == owner:
            return job
        made = _ID.fullmatch(job_id)
        if made and made["process"] != self._process:
            return Job(job_id, "", state=State.LOST)
        raise Refusal(Code.NO_ROUTE, advice="There is no such job, or its result is no longer kept.")

    def all(self) -> list[Job]:
        """Return every job that is under way or still kept, the newest first."""
        with self._lock:
            self._drop_old()
            return list(reversed(self._jobs.values()))

    def _drop_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        for at, job in enumerate(ended):
            if len(ended) - at > MOST_KEPT or time.time() - (job.ended or 0.0) > self._lifetime_s:
                del self._jobs[job.id]


def _run(job: Job, work: Work) -> None:
    def progress(share: float) -> None:
        job.progress = max(job.progress, min(1.0, share))

    try:
        job.outcome, job.progress = work(progress), 1.0
        job.state = State.DONE
    except Refusal as refusal:
        job.outcome, job.state = refusal, State.FAILED
    except Exception as error:  # noqa: BLE001 - ends as a request with the same fault does
        _log.error("599 job %s: %s", job.kind, type(error).__name__, exc_info=error)
        job.outcome, job.state = Refusal(Code.INTERNAL), State.FAILED
    finally:
        job.ended = time.time()
        job.over.set()


def _shown(outcome: Outcome | Refusal | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    results = {**(outcome.results or {}), **(outcome.guidance() if isinstance(outcome, Refusal) else {})}
    return {"code": int(outcome.code), "message": outcome.code.message, "results": results}
