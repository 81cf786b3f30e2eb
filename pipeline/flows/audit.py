"""Every verdict passes here: it is recorded before it is answered, and not answered where it cannot be recorded."""

from collections.abc import Callable, Mapping
from typing import Any

from codes_dict import Code, Kind, Outcome, Refusal
from pipeline.flows.services import Services
from pipeline.ports import AuditEvent

_NUMBERS = ("score", "best", "claimed", "threshold", "required", "passed", "within", "comparisons")
"""What an entry keeps of a stage's items: numbers that decided, no file names and no other people's IDs."""
_RESULTS = ("distance", "fmr_at_score", "calibrated", "spoof_photos")

Keep = Callable[[Outcome, AuditEvent], None]


def recorded(
    action: str, person_id: str, services: Services, work: Callable[[], Outcome], keep: Keep | None = None
) -> Outcome:
    """Return what `work` returns, once it is recorded; a refusal that is a verdict is recorded as well.

    `keep` records the outcome, with whatever has to count together with it. Other refusals, which say what is wrong
    with a request or with the server, go to the log alone. Raises `Refusal` NO_SPACE or DB_DOWN in place of the verdict
    where it cannot be recorded.
    """
    try:
        outcome = work()
        event = event_of(action, person_id, outcome.code, outcome.results, services)
        if keep is None:
            services.audit.record(event)
        else:
            keep(outcome, event)
    except Refusal as refusal:
        if refusal.code.kind is Kind.VERDICT:
            services.audit.record(event_of(action, person_id, refusal.code, refusal.results, services))
        raise
    return outcome


def note(action: str, services: Services, person_id: str = "", **about: Any) -> None:
    """Record an operator's action; `about` is plain JSON without names and IDs. Raises `Refusal` NO_SPACE, DB_DOWN."""
    services.audit.record(AuditEvent(action, person_id, about=about))


def event_of(
    action: str, person_id: str, code: Code, results: Mapping[str, Any] | None, services: Services
) -> AuditEvent:
    """Return what the audit keeps of an outcome."""
    found = results or {}
    about: dict[str, Any] = {name: found[name] for name in _RESULTS if found.get(name) is not None}
    stages = [_stage(row) for row in found.get("stages", ())]
    return AuditEvent(action, person_id, int(code), {**about, "stages": stages, "basis": services.basis})


def _stage(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("name", "in", "out", "code") if row.get(name) is not None}
    numbers = [{name: item[name] for name in _NUMBERS if name in item} for item in row.get("items", ())]
    return {**kept, **({"numbers": numbers} if any(numbers) else {})}
