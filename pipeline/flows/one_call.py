"""Upload and verify, or upload and enrol, in one call. The upload is kept as if it had come alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.enrol import EnrolRequest, enrol
from pipeline.flows.services import Services
from pipeline.flows.upload import upload
from pipeline.flows.verify import VerifyRequest, check_skips, verify
from pipeline.stages.identity import check_id, check_name
from pipeline.stages.sent_files import SentFile

_NEW_PERSON = "Nobody is enrolled under this ID. Send name, too, to enrol a new person."
_OF_UPLOAD = ("upload_id", "scores", "saved", "rejected", "errors", "reasons")


def verify_photos(
    person_id: str, files: Sequence[SentFile], ask: VerifyRequest, services: Services, challenge: str | None = None
) -> Outcome:
    """Verify these photos; `ask.upload_id` does not count. Ends as `upload` does where that refuses, else as `verify`.

    The results are those of `verify`, with the stages of both and what the upload said under `upload`.
    """
    check_skips(ask, services)
    uploaded = upload(person_id, files, services, challenge)
    return _with_upload(uploaded, lambda upload_id: verify(replace(ask, upload_id=upload_id), services))


def enrol_photos(person_id: str, files: Sequence[SentFile], ask: EnrolRequest, services: Services) -> Outcome:
    """Enrol these photos; the same for `enrol`. What is wrong with ID and name is said before a photo is looked at."""
    check_id(person_id, services.policy.id_regex)
    check_name(ask.name)
    uploaded = upload(person_id, files, services)
    return _with_upload(uploaded, lambda upload_id: enrol(replace(ask, upload_id=upload_id), services))


def name_kept(person_id: str, services: Services) -> str:
    """Return the name of an enrolled person. Refuses with ID_NOT_MATCHED, and with NO_ROW for somebody new."""
    check_id(person_id, services.policy.id_regex)
    person = services.people.find(person_id)
    if person is None:
        raise Refusal(Code.NO_ROW, advice=_NEW_PERSON, field="name", retry=False)
    return person.given_name or person.name


def _with_upload(uploaded: Outcome, go_on: Callable[[str], Outcome]) -> Outcome:
    try:
        outcome = go_on(uploaded.results["upload_id"])
    except Refusal as refusal:
        refusal.results = _joined(uploaded.results, refusal.results or {})
        raise
    return Outcome(outcome.code, _joined(uploaded.results, outcome.results))


def _joined(uploaded: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    stages = [*uploaded["stages"], *then.get("stages", ())]
    return {**then, "upload": {key: uploaded[key] for key in _OF_UPLOAD}, "stages": stages}
