"""Which liveness engines judge: those that LIVENESS_ENGINES names, or with `auto` every one that can be had."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.liveness import LivenessLoader
from bootstrap.models import WEIGHTS
from env_validator import Settings
from pipeline.models.weights import WeightStore
from pipeline.registry import LIVENESS_FILES, WeightFile

if TYPE_CHECKING:
    from pipeline.models.liveness import Judge

_log = logging.getLogger(__name__)

OWN = "cnn"
"""The project's own engine: it always judges under `auto`, since its file comes with the project or from MODEL_URL."""
START_LIMIT_S = 10.0
"""Seconds that fetching the other engines' weights may take at the start, all together."""
MODEL_TIMEOUT_S = 60.0


class LivenessEngines:
    """Loads the liveness engines. What judged once judges as long as the server runs, or every request is refused."""

    def __init__(self, weights: Path = WEIGHTS, limit_s: float = START_LIMIT_S) -> None:
        self._weights, self._limit_s = weights, limit_s
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._held: set[str] = set()

    def load(self, settings: Settings) -> Judge:
        """Load the engines; raises `Refusal(NO_LIVENESS)` where one that is named or that judged before is missing."""
        from pipeline.models.liveness import load_judge

        engines = settings.liveness_engines or self._to_be_had(settings)
        judge = load_judge(
            engines,
            settings.model_path / settings.model_name,
            settings.model_sha256 or None,
            {name: self._folder(name, settings) for name in LIVENESS_FILES},
            self._weights / "compiled",
            settings.tight_faces == "judge",
        )
        if not settings.liveness_engines:
            with self._lock:
                self._held.update(judge.engines)
        return judge

    def fetch(self, settings: Settings) -> None:
        """Bring the own network from MODEL_URL to where it is looked for; raises `OSError` where that fails."""
        store = WeightStore(settings.model_path, settings.model_mirror or None)
        store.fetch(settings.model_name, settings.model_url, settings.model_sha256 or None, MODEL_TIMEOUT_S)

    def files(self, settings: Settings) -> list[Path]:
        """Return the files that the judge is made of, present or not: when one changes, it is loaded anew."""
        own = settings.model_path / settings.model_name
        names = [one.file for files in LIVENESS_FILES.values() for one in files]
        return [own, own.with_suffix(".json"), *(self._weights / name for name in names)]

    def _to_be_had(self, settings: Settings) -> tuple[str, ...]:
        """Return the own engine, every other one whose files are there now, and those that judged before."""
        store = self._store(settings)
        missing = [one for files in LIVENESS_FILES.values() for one in files if _lacks(store, one)]
        with self._lock:
            first = settings.model_mirror not in self._asked
            self._asked.add(settings.model_mirror)
        if missing and first and settings.fetch_models:
            for file, reason in store.fetch_within(missing, self._limit_s).items():
                _log.warning("a liveness engine lacks %s: %s", file, reason)
        there = {name for name, files in LIVENESS_FILES.items() if not any(_lacks(store, one) for one in files)}
        return (OWN, *(name for name in LIVENESS_FILES if name in there | self._held))

    def _folder(self, engine: str, settings: Settings) -> Path:
        """Return the folder that holds an engine's files: the server's own, or MODEL_MIRROR where it is a folder."""
        store = self._store(settings)
        found = [store.find(one.file, one.sha256) for one in LIVENESS_FILES[engine]]
        return found[0].parent if found[0] is not None else self._weights

    def _store(self, settings: Settings) -> WeightStore:
        return WeightStore(self._weights, settings.model_mirror or None)


def liveness_loader(weights: Path = WEIGHTS) -> LivenessLoader:
    """Return the keeper of the judge that the settings ask for."""
    engines = LivenessEngines(weights)
    return LivenessLoader(engines.load, engines.fetch, files=engines.files)


def _lacks(store: WeightStore, one: WeightFile) -> bool:
    return store.find(one.file, one.sha256) is None


def described(about: Mapping[str, Any]) -> str:
    """Return in one line which engines judge and what they reach, of `LivenessAbout.as_dict`."""
    rates = ", ".join(f"{name.replace('_', ' ')} {100 * rate:.1f} %" for name, rate in about["reaches"].items())
    return f"{', '.join(about['engines'])} ({rates or 'not measured'})"
