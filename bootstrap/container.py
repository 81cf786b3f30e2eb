"""The container: services for the settings as they are now; what an edit does not touch is kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol

from api.logs import log_to
from api.source import SystemErrors
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadFault, sample_face
from bootstrap.records import Records, open_records
from bootstrap.vectors import check_packages
from codes_dict import Code, Refusal
from env_validator import Settings, SettingsFault, SettingsFile
from pipeline.flows import Services
from pipeline.scoring import CalibrationFault, load_scorer
from pipeline.stages.augment import augment
from pipeline.types import Detector, Embedder, Scorer

_log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
MAX_UPLOAD_WITHOUT_SETTINGS = 64 * MEGABYTE


class Models(Protocol):
    """Loads each model once."""

    def detector(self) -> Detector:
        """Return the face detector."""
        ...

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the selected models in their order; raises `LoadFault` naming each that cannot be loaded."""
        ...

    def close(self) -> None:
        """Release all models."""
        ...


class ServiceContainer:
    """Builds services when `.env` changes, under a lock. It is the `Source` of the application.

    Faults that appear only when models or calibrations are loaded are handled like all faults of the settings: they are
    listed in `system_errors`, and every request tries again until they are fixed.
    """

    def __init__(self, env_file: Path, models: Models, keeper: LivenessLoader) -> None:
        self._file, self._models, self._keeper = SettingsFile(env_file), models, keeper
        self._lock = threading.RLock()
        self._built: tuple[Settings, Services, Records] | None = None
        self._load_fault: tuple[Settings, LoadFault] | None = None
        self._is_warm = False

    def current(self) -> Services:
        """Return services for the settings as they are; raises `Refusal(BAD_ENV)`."""
        try:
            settings = self._file.current()
        except SettingsFault as fault:
            raise Refusal(Code.BAD_ENV, str(fault)) from fault
        with self._lock:
            if self._built is None or self._built[0] != settings:
                self._built = self._rebuild(settings)
            return self._built[1]

    def system_errors(self) -> SystemErrors | None:
        """Return the faults of the current settings, including those found while loading."""
        try:
            settings = self._file.current()
        except SettingsFault as fault:
            return SystemErrors(not_in_env=fault.not_in_env, env_errs=fault.env_errs)
        found = self._load_fault
        return SystemErrors(not_in_env=[], env_errs=found[1].lines) if found and found[0] == settings else None

    def max_upload_bytes(self) -> int:
        """Return MAX_UPLOAD_MB in bytes; while the settings are wrong, a fixed 64 MB."""
        try:
            return self._file.current().max_upload_mb * MEGABYTE
        except SettingsFault:
            return MAX_UPLOAD_WITHOUT_SETTINGS

    def open_loopback(self) -> bool:
        """Whether HOST is a loopback address."""
        try:
            host = self._file.current().host
            return host == "localhost" or ip_address(host).is_loopback
        except (SettingsFault, ValueError):
            return False

    def liveness(self) -> Mapping[str, Any] | None:
        """Return which liveness engines judge and what they reach, None while no judge is loaded for the settings."""
        try:
            about = self._keeper.loaded(self._file.current())
        except SettingsFault:
            return None
        return about.as_dict() if about else None

    def ready(self) -> bool:
        """Whether every model has run once, and services for the current settings exist."""
        built = self._built
        try:
            return self._is_warm and built is not None and built[0] == self._file.current()
        except SettingsFault:
            return False

    def current_records(self) -> tuple[Settings, Records] | None:
        """Return the settings and records in use, None before the first are built."""
        built = self._built
        return None if built is None else (built[0], built[2])

    def warm(self) -> None:
        """Load everything and run every model once; raises `Refusal` BAD_ENV, or NO_LIVENESS where that is missing."""
        services = self.current()
        face = sample_face()
        services.detector.detect([face.photo.pixels])
        for embedder in services.embedders.values():
            embedder.embed(services.augment(face.crop, 2))
        services.judge().judge([face])
        self._is_warm = True

    def close(self) -> None:
        """Close connections; the models belong to the caller."""
        with self._lock:
            if self._built is not None:
                self._built[2].close()
            self._built = None

    def _rebuild(self, settings: Settings) -> tuple[Settings, Services, Records]:
        """Build new services; the old ones keep serving until the new ones are complete."""
        log_to(settings.log_loc, settings.log_max_mb * MEGABYTE, settings.log_keep)
        if settings.unknown_keys:
            _log.warning("unknown keys in .env are ignored: %s", ", ".join(settings.unknown_keys))
        try:
            embedders = self._models.embedders(settings)
            scorer = _scorer(settings, embedders)
            check_packages(settings)
        except LoadFault as fault:
            self._load_fault = settings, fault
            raise Refusal(Code.BAD_ENV, str(fault)) from fault
        self._load_fault = None
        records = open_records(settings, embedders)
        services = self._services(settings, embedders, scorer, records)
        if self._built is not None:
            self._built[2].close()
        return settings, services, records

    def _services(
        self, settings: Settings, embedders: Mapping[str, Embedder], scorer: Scorer, records: Records
    ) -> Services:
        return Services(
            policy=settings,
            detector=self._models.detector(),
            embedders=embedders,
            scorer=scorer,
            judge=partial(self._keeper.judge, settings),
            augment=augment,
            uploads=records.uploads,
            people=records.people,
            enrolments=records.enroller,
            gallery=records.gallery,
            replays=records.replays,
            challenges=records.challenges,
        )


def _scorer(settings: Settings, embedders: Mapping[str, Embedder]) -> Scorer:
    versions = {name: embedder.version for name, embedder in embedders.items()}
    rates = settings.num_aug, settings.ver_fmr, settings.search_fpir
    try:
        scorer = load_scorer(versions, settings.sim_func, *rates, settings.calibration_folder)
    except CalibrationFault as fault:
        raise LoadFault([f"SELECTED_MODELS: {fault}"]) from fault
    if not scorer.calibrated:
        _log.warning(
            "%s with %s is not calibrated: published thresholds decide; run bin/calibrate",
            ",".join(versions),
            settings.sim_func,
        )
    return scorer
