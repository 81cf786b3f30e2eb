"""The liveness judge that fits the settings: loaded once, fetched in the background, never inside a request."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.models.liveness.fail_closed import load_fail_closed, run_in_thread, wait_done
from pipeline.types import LivenessAbout, LivenessJudge

_log = logging.getLogger(__name__)

RETRY_S = 60.0
"""Seconds between two attempts to fetch the model."""
LOADING_S = 120.0
"""Seconds after which requests do not wait any longer for engines that are being loaded."""

Load = Callable[[Settings], LivenessJudge]
Fetch = Callable[[Settings], None]
Files = Callable[[Settings], Sequence[Path]]
Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class _Loading:
    """What is being loaded, or was, for a key: a judge, or the refusal that every request gets until the key changes.

    `until` is the time, by the loader's clock, up to which requests wait for it.
    """

    key: Key
    outcome: Future[LivenessJudge | Refusal]
    until: float


class LivenessLoader:
    """Keeps the judge for the settings as they are; another file, pin or choice of engines loads anew.

    `load` returns a judge or raises `Refusal(NO_LIVENESS)`; `fetch` brings the own model's file or raises `OSError`;
    `files` names what the judge is made of.
    """

    def __init__(
        self,
        load: Load,
        fetch: Fetch,
        clock: Callable[[], float] = time.monotonic,
        loading_s: float = LOADING_S,
        files: Files | None = None,
    ) -> None:
        self._load, self._fetch, self._clock, self._loading_s = load, fetch, clock, loading_s
        self._files = files or (lambda settings: [_file(settings)])
        self._next_fetch = -math.inf
        self._lock = threading.Lock()
        self._loading: _Loading | None = None
        self._fetching: threading.Thread | None = None

    def judge(self, settings: Settings) -> LivenessJudge:
        """Return the judge; raises `Refusal(NO_LIVENESS)` if there is none, BUSY if it is still being loaded."""
        loading = self.begin(settings)
        if not wait_done(loading.outcome, loading.until - self._clock()):
            raise Refusal(Code.BUSY, "the liveness engines are still being loaded")
        outcome = loading.outcome.result()
        if not isinstance(outcome, Refusal):
            return outcome
        if not _file(settings).exists():
            with self._lock:
                self._start_fetching(settings)
        raise Refusal(Code.NO_LIVENESS, outcome.detail)

    def loaded(self, settings: Settings) -> LivenessAbout | None:
        """Return which engines judge, None where none is loaded for these settings; never loads anything."""
        with self._lock:
            loading = self._loading
        if loading is None or not loading.outcome.done() or loading.key != _key(settings, self._files(settings)):
            return None
        outcome = loading.outcome.result()
        return None if isinstance(outcome, Refusal) else outcome.about

    def begin(self, settings: Settings) -> _Loading:
        """Return what is loaded for these settings, or begin to; loading holds no lock, so that it may hang."""
        with self._lock:
            key = _key(settings, self._files(settings))
            if self._loading is None or self._loading.key != key:
                outcome = run_in_thread(lambda: self._try(settings), "liveness loading")
                self._loading = _Loading(key, outcome, self._clock() + self._loading_s)
            return self._loading

    def _try(self, settings: Settings) -> LivenessJudge | Refusal:
        limit = settings.liveness_timeout_s
        try:
            return load_fail_closed(lambda: self._load(settings), limit)
        except Refusal as refusal:
            _log.error("%s", refusal)
            return refusal

    def _start_fetching(self, settings: Settings) -> None:
        """Fetch in a thread of its own, not more often than `RETRY_S`; the request after its arrival loads the file."""
        idle = self._fetching is None or not self._fetching.is_alive()
        if settings.fetch_models and idle and self._clock() >= self._next_fetch:
            self._next_fetch = self._clock() + RETRY_S
            self._fetching = threading.Thread(target=self._bring, args=(settings,), daemon=True)
            self._fetching.start()

    def _bring(self, settings: Settings) -> None:
        try:
            self._fetch(settings)
        except OSError as error:
            _log.error("178 the liveness model could not be fetched from MODEL_URL: %s", error)


def _file(settings: Settings) -> Path:
    return settings.model_path / settings.model_name


def _key(settings: Settings, files: Sequence[Path]) -> Key:
    """What the judge depends on; a file's change of time or size counts, so that a repaired file is used at once."""
    asked = settings.liveness_engines, settings.model_sha256, settings.liveness_timeout_s, settings.tight_faces
    return _file(settings), settings.model_mirror, *asked, *(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
