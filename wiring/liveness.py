"""The liveness judge that fits the settings: loaded once, fetched in the background, never inside a request."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.models.careful import load_carefully
from pipeline.types import LivenessJudge

_log = logging.getLogger(__name__)

RETRY_S = 60.0
"""Seconds between two attempts to fetch the model."""

Load = Callable[[Settings], LivenessJudge]
Fetch = Callable[[Settings], None]
Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class _Loaded:
    """What loading gave for a key: a judge, or the refusal that every request gets until the key changes."""

    key: Key
    judge: LivenessJudge | None
    refusal: Refusal | None


class JudgeKeeper:
    """Keeps the judge for the settings as they are; another file, pin or choice of engines loads anew.

    `load` returns a judge or raises `Refusal(NO_LIVENESS)`; `fetch` brings the model's file or raises `OSError`.
    """

    def __init__(self, load: Load, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._load, self._fetch, self._clock = load, fetch, clock
        self._next_fetch = -math.inf
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._fetching: threading.Thread | None = None

    def judge(self, settings: Settings) -> LivenessJudge:
        """Return the judge; raises `Refusal(NO_LIVENESS)` where there is none."""
        with self._lock:
            key = _key(settings)
            if self._loaded is None or self._loaded.key != key:
                self._loaded = self._try(key, settings)
            loaded = self._loaded
            if loaded.judge is None and not _file(settings).exists():
                self._start_fetching(settings)
        if loaded.judge is None:
            raise Refusal(Code.NO_LIVENESS, loaded.refusal.detail if loaded.refusal else "")
        return loaded.judge

    def _try(self, key: Key, settings: Settings) -> _Loaded:
        try:
            return _Loaded(key, load_carefully(lambda: self._load(settings)), None)
        except Refusal as refusal:
            _log.error("%s", refusal)
            return _Loaded(key, None, refusal)

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


def _key(settings: Settings) -> Key:
    """What the judge depends on; a file's change of time or size counts, so that a mended file is taken up."""
    card = _file(settings).with_suffix(".json")
    stamps = (_stamp(_file(settings)), _stamp(card))
    return _file(settings), stamps, settings.liveness_engines, settings.model_sha256


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
