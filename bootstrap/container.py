"""The container: builds services for the current settings, lends them, and closes what nobody uses any more."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from api.logs import log_to
from api.source import Operator, SystemErrors
from bootstrap.basis import basis_of, note_settings
from bootstrap.callers import StoredKeys, caller_rules
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadFault, sample_face
from bootstrap.operator import ServerOperator
from bootstrap.readiness import lacking
from bootstrap.records import Records, open_records, receipt_for
from bootstrap.scorers import scorer_of, scorers_alone
from bootstrap.sealing import check_keys, facehash_files
from bootstrap.vectors import check_packages
from codes_dict import Code, Refusal
from db import files
from db.facehash import FaceHashHomes
from env_validator import PUBLISHED_PASSWORDS, Settings, SettingsFault, SettingsFile, operator_password
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.trainer import Trainer
from pipeline.flows import Services
from pipeline.stages.augment import augment
from pipeline.stages.compare import same_people
from pipeline.stages.decode import Decode
from pipeline.stages.decode import decode as decode_in_this_process
from pipeline.stages.recent import RecentPhotos
from pipeline.types import Attributes, Detector, Embedder, Scorer
from security.audit import digest_of
from security.callers import Rules
from security.door import Door
from security.keyring import Keyring
from security.limits import MEMORY, Limits

_log = logging.getLogger(__name__)

T = TypeVar("T")

MEGABYTE = 1024 * 1024
MAX_UPLOAD_WITHOUT_SETTINGS = 64 * MEGABYTE
MAX_PHOTOS_WITHOUT_SETTINGS = 100


class Models(Protocol):
    """Loads each model once."""

    def detector(self) -> Detector:
        """Return the face detector."""

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the selected models in their order; raises `LoadFault` naming each that cannot be loaded."""

    @property
    def attributes(self) -> Attributes:
        """Return the models of age, gender and emotion, which load when they are first asked for."""

    def close(self) -> None:
        """Release everything."""


class _Built:
    """Services for one version of the settings. Once retired, their records close with the end of the last lease."""

    def __init__(self, settings: Settings, services: Services, records: Records) -> None:
        self.settings, self.services, self.records = settings, services, records
        self._lock, self._leases, self._is_retired = threading.Lock(), 0, False

    def change(self, leases: int = 0, retired: bool = False) -> None:
        """Count a user more or less, or retire them: the records close as soon as nobody uses them."""
        with self._lock:
            self._leases += leases
            self._is_retired |= retired
            is_over = self._is_retired and not self._leases
        if is_over:
            self.records.close()


class ServiceContainer:
    """Builds services when `.env` changes, under a lock. It is the `Source` of the application.

    Faults that only loading models or calibrations can show count like any other fault of the settings: they appear in
    `system_errors`, and every request tries again until they are fixed.
    """

    def __init__(
        self,
        env_file: Path,
        models: Models,
        liveness: LivenessLoader,
        decode: Decode = decode_in_this_process,
        recent: RecentPhotos | None = None,
    ) -> None:
        files.for_owner_only()
        self._file, self._models, self._liveness, self._decode = SettingsFile(env_file), models, liveness, decode
        self._recent = recent or RecentPhotos()
        self._lock = threading.RLock()
        self._built: _Built | None = None
        self._load_fault: tuple[Settings, LoadFault] | None = None
        self._is_warm = False
        self._keys = StoredKeys(self._file.current)
        self.keyring = Keyring(self._keys.load)
        # The operator's side works with faulty settings too, so that they can be looked at.
        self.door = Door(partial(operator_password, env_file), PUBLISHED_PASSWORDS)
        self.operator: Operator = ServerOperator(
            env_file, self._keys, self.keyring, self.lease, self.current_records, self._liveness.loaded
        )
        self._trainer = Trainer()
        self._limits_lock, self._limits = threading.Lock(), (MEMORY, Limits())
        self._checking, self._lacking = threading.Lock(), dict[str, Code]()

    @contextmanager
    def lease(self) -> Iterator[Services]:
        """Lend services for the current settings; they stay open for the block, whatever is edited meanwhile.

        Raises `Refusal(BAD_ENV)`.
        """
        built = self._acquire()
        try:
            yield built.services
        finally:
            built.change(leases=-1)

    def _acquire(self) -> _Built:
        self._current_settings()  # wrong ones are refused at once, whoever builds
        with self._lock:
            settings = self._current_settings()  # whoever waited builds for what the file says now
            if self._built is None or self._built.settings != settings:
                before, self._built = self._built, self._build(settings)
                if before is not None:
                    before.change(retired=True)
            self._built.change(leases=1)
            return self._built

    def _current_settings(self) -> Settings:
        try:
            return self._file.current()
        except SettingsFault as fault:
            raise Refusal(Code.BAD_ENV, str(fault)) from fault

    def system_errors(self) -> SystemErrors | None:
        """Return the faults of the current settings, those included that only loading found."""
        try:
            settings = self._file.current()
        except SettingsFault as fault:
            return SystemErrors(not_in_env=fault.not_in_env, env_errs=fault.env_errs)
        found = self._load_fault
        return SystemErrors(not_in_env=[], env_errs=found[1].lines) if found and found[0] == settings else None

    def max_upload_bytes(self) -> int:
        """Return MAX_UPLOAD_MB in bytes; 64 MB while the settings are wrong."""
        return self._now(lambda settings: settings.max_upload_mb * MEGABYTE, MAX_UPLOAD_WITHOUT_SETTINGS)

    def max_photos(self) -> int:
        """Return MAX_PHOTOS; 100 while the settings are wrong."""
        return self._now(lambda settings: settings.max_photos, MAX_PHOTOS_WITHOUT_SETTINGS)

    def rules(self) -> Rules:
        """Return what the settings say about callers; the defaults while they are wrong."""
        return self._now(caller_rules, Rules())

    def _now(self, read: Callable[[Settings], T], otherwise: T) -> T:
        """Return what is read from the settings; the other value while they are wrong."""
        try:
            return read(self._file.current())
        except SettingsFault:
            return otherwise

    def limits(self) -> Limits:
        """Return what counts, in the store that the settings name; in the last one while they are wrong."""
        store = self._now(lambda settings: settings.limit_store, "")
        with self._limits_lock:
            if store and self._limits[0] != store:
                self._limits = store, Limits(store)
            return self._limits[1]

    def liveness(self) -> Mapping[str, Any] | None:
        """Return which liveness engines judge and what they reach, None while no judge is loaded for the settings."""
        about = self._now(self._liveness.loaded, None)
        return about.as_dict() if about else None

    def ready(self) -> bool:
        """Whether every model has run once, and services for the current settings are built."""
        built = self._built
        return built is not None and self._is_warm and self._now(lambda settings: built.settings == settings, False)

    def lacking(self) -> Mapping[str, Code]:
        """Return what requests would miss now, by name, with the code that they get; empty if the server is ready.

        One call at a time looks, as a database that is away takes seconds to find out; others get what was found last.
        """
        if self._checking.acquire(blocking=False):
            try:
                with self.current_records() as current:
                    self._lacking = lacking(*current, self._liveness) if current else {}
            finally:
                self._checking.release()
        return self._lacking if self.ready() else {"models": Code.BUSY, **self._lacking}

    def gallery_people(self) -> int | None:
        """Return how many people the gallery holds, None while it is not open or does not answer."""
        with self.current_records() as current:
            try:
                return current[1].gallery.snapshot().people if current else None
            except Refusal:
                return None

    @contextmanager
    def current_records(self) -> Iterator[tuple[Settings, Records] | None]:
        """Lend the settings and records that serve now; None before the first are built. Builds nothing."""
        with self._lock:
            built = self._built
            if built is not None:
                built.change(leases=1)
        try:
            yield None if built is None else (built.settings, built.records)
        finally:
            if built is not None:
                built.change(leases=-1)

    def warm(self) -> None:
        """Load everything and run every model once; raises `Refusal` BAD_ENV, or NO_LIVENESS where that is missing."""
        face = sample_face()
        with ThreadPoolExecutor(1, "warming") as beside:
            copies = beside.submit(augment, face.crop, 2)  # its library takes as long to import as a network to load
            with suppress(SettingsFault):
                self._liveness.begin(self._file.current())
            with self.lease() as services:
                services.detector.detect([face.photo.pixels])
                for embedder in services.embedders.values():
                    embedder.embed(copies.result())
                services.judge().judge([face])
        self._is_warm = True

    def close(self) -> None:
        """Close connections, once the last request ends; the models belong to the caller."""
        self.keyring.stop()
        self._trainer.close()
        self._keys.close()
        with self._lock:
            if self._built is not None:
                self._built.change(retired=True)
            self._built = None

    def _build(self, settings: Settings) -> _Built:
        """Build services; the former ones keep serving until these are ready."""
        log_to(settings.log_loc, settings.log_max_mb * MEGABYTE, settings.log_keep, settings.log_format)
        if settings.unknown_keys:
            _log.warning("unknown keys in .env are ignored: %s", ", ".join(settings.unknown_explained()))
        try:
            embedders = self._models.embedders(settings)
            scorer = scorer_of(settings, embedders)
            check_packages(settings)
            check_keys(settings)
        except LoadFault as fault:
            self._load_fault = settings, fault
            raise Refusal(Code.BAD_ENV, str(fault)) from fault
        self._load_fault = None
        records, basis = open_records(settings, embedders), basis_of(settings, embedders, scorer)
        note_settings(records, basis, settings, self._built.settings if self._built else None)
        return _Built(settings, self._services(settings, embedders, scorer, records, digest_of(basis)), records)

    def _services(
        self, settings: Settings, embedders: Mapping[str, Embedder], scorer: Scorer, records: Records, basis: str
    ) -> Services:
        return Services(
            policy=settings,
            detector=self._models.detector(),
            embedders=embedders,
            scorer=scorer,
            judge=partial(self._liveness.judge, settings),
            augment=augment,
            uploads=records.uploads,
            people=records.people,
            enrolments=records.enroller,
            gallery=records.gallery,
            replays=records.replays,
            acceptances=records.acceptances,
            challenges=records.challenges,
            forgetting=records.forgetting,
            audit=records.audit,
            basis=basis,
            faces=records.faces,
            announced=records.announced,
            subjects=records.subjects,
            receipt=partial(receipt_for, records.database),
            classifiers=ClassifierService(
                FaceHashHomes(facehash_files(settings)),
                self._trainer,
                {name: one.version for name, one in embedders.items()},
                settings.calibration_folder,
                partial(same_people, scorer=scorer, sim_func=settings.sim_func),
            ),
            attributes=self._models.attributes,
            decode=self._decode,
            recent=self._recent,
            alone=scorers_alone(settings, embedders),
        )
