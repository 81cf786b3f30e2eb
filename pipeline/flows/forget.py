"""Forget a person: every trace of an ID is removed, and a signed receipt says how much that was."""

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.stages.identity import is_subject, match_id

_UNKNOWN = "Nothing is stored under this ID."


def forget(person_id: str, services: Services) -> Outcome:
    """Forget whoever has this ID. Refuses with ID_NOT_MATCHED, and with NO_ROW where nothing is stored of it."""
    if not is_subject(person_id):
        match_id(person_id, services.policy.id_regex, Ledger())
    forgotten = services.forgetting.forget(person_id)
    if forgotten is None:
        raise Refusal(Code.NO_ROW, advice=_UNKNOWN, field="id")
    return Outcome(Code.DONE, {"receipt": services.receipt(person_id, forgotten)})
