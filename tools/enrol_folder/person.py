"""One person: the photos of a folder go through the flows of /upload_imgs and /upload_db, with the server's models."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bootstrap.container import ServiceContainer
from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from bootstrap.quiet import silence_tensorflow
from bootstrap.records import Records
from bootstrap.threads import share_cores
from codes_dict import Code, Kind, Outcome, Refusal
from env_validator import Settings
from pipeline.flows import EnrolRequest, SentFile, Services
from pipeline.flows.one_call import enrol_photos
from pipeline.stages.identity import check_id, check_name
from tools.enrol_folder.layout import Candidate, CannotReadError, CannotStartError, FoundPhoto, Intake
from tools.enrol_folder.register import NamedUploads, Register
from tools.enrol_folder.report import Entry, State

_log = logging.getLogger(__name__)

PAUSES_S = (0.5, 2.0)
"""Seconds before each retry after a failure of the server."""

_BY_NUMBER = {int(code): code for code in Code}


class FolderEnroller:
    """Enrols people from their folders, or another intake, into the store of a container."""

    def __init__(
        self,
        container: ServiceContainer,
        pause: Callable[[float], None] = time.sleep,
        intake: Intake | None = None,
    ) -> None:
        self._container, self._pause, self._intake = container, pause, intake or Intake()

    def check(self) -> None:
        """Load the models and the gallery; raises `Refusal` if something is missing."""
        with self._container.lease() as services:
            if services.policy.enrol_liveness != "off":
                services.judge()
            services.gallery.snapshot()

    def enrol(self, candidate: Candidate) -> Entry:
        """Enrol a person, unless exactly these photos are enrolled, and say what became of them."""
        for pause in (*PAUSES_S, None):
            try:
                return self._enrol(candidate)
            except Refusal as refusal:
                if pause is None or not _may_pass(refusal.code):
                    return _refused(candidate, refusal.code)
                _log.warning("%s is tried again: %s", candidate.id, refusal)
                self._pause(pause)
            except Exception as error:  # noqa: BLE001 - one folder must not end the run
                _log.error("599 %s: %s", candidate.id, type(error).__name__, exc_info=error)
                return _refused(candidate, Code.INTERNAL)
        raise AssertionError("unreachable")

    def _enrol(self, candidate: Candidate) -> Entry:
        with self._container.lease() as services, self._container.current_records() as current:
            assert current is not None  # noqa: S101 - `lease` has built it
            check_name(candidate.name)
            candidate, services = self._intake.admit(candidate, services)
            entry = self._take_with(candidate, services, *current)
            if entry.state is not State.LEFT_OUT:
                self._intake.settle(candidate, services)
            return entry

    def _take_with(self, candidate: Candidate, services: Services, settings: Settings, records: Records) -> Entry:
        check_id(candidate.id, services.policy.id_regex)
        try:
            found = self._intake.photos(candidate, settings)
        except CannotReadError as reason:
            return _entry(candidate, State.LEFT_OUT, message=str(reason), is_the_servers=True)
        register = Register(records)
        known = register.sent_before(candidate.id)
        new = [photo for photo in found.photos if photo.digest not in known]
        digests = [photo.digest for photo in new]
        if not new and found.photos:
            return _entry(candidate, State.ALREADY, left_out=found.left_out)
        upload_id = register.upload_id(candidate.id, digests)
        if upload_id is None:
            register.note(candidate.id, digests)
            return _entry(candidate, State.ALREADY, left_out=found.left_out)
        named = NamedUploads(records.uploads.kept, upload_id)
        left_out = dict(found.left_out)
        try:
            outcome = _through_the_flows(candidate, new, replace(services, uploads=named), left_out)
        except Refusal as refusal:
            if register.upload_id(candidate.id, digests) is None:  # by another process that was believed dead
                return _entry(candidate, State.ALREADY, left_out=left_out)
            named.discard(upload_id)
            if _may_pass(refusal.code):
                raise
            _log.info("%s is left out: %s", candidate.id, refusal)
            return replace(_refused(candidate, refusal.code), left_out=left_out)
        register.note(candidate.id, digests)
        code, results = outcome.code, outcome.results
        return _entry(
            candidate, State.ENROLLED, code=int(code), message=code.message, advice=code.caller_does,
            photos=len(results["resulting_imgs"]["main"]), left_out=left_out,
            possible_duplicates=tuple(results["possible_duplicates"]),
        )  # fmt: skip


def _through_the_flows(
    candidate: Candidate, photos: Sequence[FoundPhoto], services: Services, left_out: dict[str, str]
) -> Outcome:
    """Send photos as a client would; adds the reason for each photo that is left out to `left_out`, also on refusal."""
    if not photos:
        raise Refusal(Code.NO_FILES)
    ask = EnrolRequest("", candidate.name, delete_pickles=False, rebuild_db=False, in_place=False)
    try:
        outcome = enrol_photos(candidate.id, [SentFile(one.name, one.data) for one in photos], ask, services)
    except Refusal as refusal:
        left_out.update(_why(refusal.results or {}))
        raise
    left_out.update(_why(outcome.results))
    return outcome


def _why(results: Mapping[str, Any]) -> dict[str, str]:
    """Return why files were left out, by name: the advice of the checks that they failed, or /upload_db's code."""
    uploaded = results.get("upload", results)
    refused = [*uploaded.get("rejected", ()), *uploaded.get("errors", ())]
    failed = {name: [one["advice"] for one in uploaded["reasons"][name] if not one["passed"]] for name in refused}
    codes = {name: f"{number}: {_BY_NUMBER[number].message}" for name, number in results.get("left_out", {}).items()}
    return {**{name: " ".join(advice) for name, advice in failed.items()}, **codes}


def _may_pass(code: Code) -> bool:
    """Return whether a retry may help: the server failed, or another process had the same photos."""
    return code.kind is Kind.SERVER or code is Code.UPLOAD_GONE


def _refused(candidate: Candidate, code: Code) -> Entry:
    is_the_servers = code.kind is Kind.SERVER
    advice = code.operator_does if is_the_servers else code.caller_does
    return _entry(
        candidate, State.LEFT_OUT, code=int(code), message=code.message, advice=advice, is_the_servers=is_the_servers
    )


def _entry(candidate: Candidate, state: State, **said: Any) -> Entry:
    return Entry(candidate.id, candidate.name, str(candidate.folder), state, **said)


@contextmanager
def loaded(env_file: Path) -> Iterator[ServiceContainer]:
    """Lend the services that the settings name, in this process; their models load when they are first asked for."""
    silence_tensorflow()
    share_cores()
    models = LoadedModels()
    container = ServiceContainer(env_file, models, liveness_loader())
    try:
        yield container
    finally:
        container.close()
        models.close()


@contextmanager
def opened(env_file: Path, intake: Intake | None = None) -> Iterator[FolderEnroller]:
    """Load what the settings name and yield an enroller that is ready; raises `CannotStartError`."""
    with loaded(env_file) as container:
        enroller = FolderEnroller(container, intake=intake)
        try:
            enroller.check()
        except Refusal as refusal:
            code = refusal.code
            raise CannotStartError(f"{int(code)} {code.message} {code.operator_does} ({refusal.detail})") from refusal
        yield enroller
