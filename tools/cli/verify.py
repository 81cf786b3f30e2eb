"""`bin/faceapp verify`."""

import click

from faceapp_client import Verdict
from tools.cli.exits import DONE, NO
from tools.cli.options import text_option
from tools.cli.talking import PHOTO, Talk, talking


@click.command("verify")
@click.argument("person_id", metavar="ID")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
@click.option("--skip-verify", is_flag=True, help="Only search; do not compare with ID.")
@click.option("--skip-search", is_flag=True, help="Only compare with ID; do not search.")
@click.option("--skip-liveness", is_flag=True, help="Accept photos of photos; the server may not allow it.")
@text_option("--challenge", metavar="NONCE", help="The challenge that the photos answer.")
@talking
def command(
    talk: Talk,
    person_id: str,
    photos: tuple[str, ...],
    skip_verify: bool,
    skip_search: bool,
    skip_liveness: bool,
    challenge: str,
) -> int:
    """Say whether photos show the person ID. Exit code 0: accepted; 1: not accepted."""
    skips = {"skip_verify": skip_verify, "skip_db_search": skip_search, "skip_liveness": skip_liveness}
    with talk.working("Verifying"):
        verdict = talk.client.verify_photo(person_id, *photos, challenge=challenge, **skips)
    talk.show(verdict, told(verdict))
    return DONE if verdict.accepted else NO


def told(verdict: Verdict) -> str:
    """Return a verdict as a terminal shows it."""
    lines = [f"{'Accepted' if verdict.accepted else 'Not accepted'}: {verdict.code} {verdict.message}"]
    if verdict.name:
        lines.append(f"Name: {verdict.name}")
    if verdict.fmr_at_score is not None:
        lines.append(f"Share of strangers whose photos would pass at this score: {verdict.fmr_at_score:.1e}")
    lines += [f"Left out: {photo} ({code})" for photo, code in (verdict.left_out or {}).items()]
    lines += [f"Warning: {warning}" for warning in verdict.warnings]
    return "\n".join([*lines, *filter(None, [verdict.advice])])
