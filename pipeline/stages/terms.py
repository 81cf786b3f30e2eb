"""Under which terms somebody is enrolled: a reference to the consent, and a day until which the data may be kept."""

import re
from datetime import UTC, date, datetime, timedelta

from codes_dict import Code, Refusal
from pipeline.ports import Terms
from pipeline.stages.identity import has_control

LONGEST = 200
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def check_terms(consent: str | None, retain_until: str | None, code: Code, today: date | None = None) -> Terms | None:
    """Return the terms, None where none were sent; refuse with `code` a reference or a day that is none.

    `retain_until` is YYYY-MM-DD, from today on, in UTC; the person is forgotten after that day.
    """
    if consent is None and retain_until is None:
        return None
    sent = consent or ""
    if len(sent) > LONGEST or has_control(sent):
        raise Refusal(code, advice=f"Send at most {LONGEST} printable characters as consent.", field="consent")
    return Terms(sent.strip(), _end_of(retain_until, code, today or datetime.now(UTC).date()) if retain_until else None)


def _end_of(day: str, code: Code, today: date) -> int:
    """Return the first second after a day, in seconds since 1970."""
    try:
        last = date.fromisoformat(day) if _DAY.fullmatch(day) else None
        after = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC) if last else None
    except (ValueError, OverflowError):
        last, after = None, None
    if last is None or after is None or last < today:
        raise Refusal(code, advice="Send retain_until as YYYY-MM-DD, today or later.", field="retain_until")
    return int(after.timestamp())
