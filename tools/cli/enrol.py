"""`bin/faceapp enrol`."""

import click

from tools.cli.exits import DONE
from tools.cli.options import text_option
from tools.cli.talking import PHOTO, Talk, talking


@click.command("enrol")
@click.argument("person_id", metavar="ID")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
@text_option("--name", help="The person's name (default: the one that is enrolled, or ID).")
@click.option("--replace", is_flag=True, help="Replace what is enrolled under ID instead of adding the photos.")
@text_option("--consent", metavar="TEXT", help="A reference to the person's consent.")
@text_option("--retain-until", metavar="YYYY-MM-DD", help="The last day for which the person may be kept.")
@talking
def command(
    talk: Talk, person_id: str, photos: tuple[str, ...], name: str, replace: bool, consent: str, retain_until: str
) -> int:
    """Enrol photos as the person ID."""
    with talk.working("Enrolling"):
        done = talk.client.enrol_photos(
            person_id, *photos, name=name, in_place=replace, consent=consent, retain_until=retain_until
        )
    lines = [f"Enrolled: {done.code} {done.message}"]
    lines += [f"Left out: {photo} ({code})" for photo, code in done.left_out.items()]
    lines += [f"Possible duplicate: {other or 'another ID'}" for other in done.possible_duplicates]
    talk.show(done, "\n".join([*lines, *(f"Warning: {warning}" for warning in done.warnings)]))
    return DONE
