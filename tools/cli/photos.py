"""`bin/faceapp verify`, `enrol`, `compare`, `search` and `detect`: what is asked about photos, of a running server."""

import time
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.progress import Progress

from faceapp_client import Comparison, SearchResult, Verdict
from tools.cli.exits import DONE, NO
from tools.cli.options import text_option
from tools.cli.talking import PHOTO, Talk, talking

EVERY_S = 0.3
_ID = click.argument("person_id", metavar="ID")
_PHOTOS = click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)


@click.command("verify")
@_ID
@_PHOTOS
@click.option("--skip-verify", is_flag=True, help="Only search; do not compare with ID.")
@click.option("--skip-search", "skip_db_search", is_flag=True, help="Only compare with ID; do not search.")
@click.option("--skip-liveness", is_flag=True, help="Accept photos of photos; the server may not allow it.")
@text_option("--challenge", metavar="NONCE", help="The challenge that the photos answer.")
@talking
def verify(talk: Talk, person_id: str, photos: tuple[str, ...], challenge: str, **skips: bool) -> int:
    """Say whether photos show the person ID. Exit code 0: accepted; 1: not accepted."""
    with talk.working("Verifying"):
        verdict = talk.client.verify_photo(person_id, *photos, challenge=challenge, **skips)
    lines = [f"{'Accepted' if verdict.accepted else 'Not accepted'}: {verdict.code} {verdict.message}"]
    lines += [f"Name: {verdict.name}"] if verdict.name else []
    talk.show(verdict, "\n".join([*lines, *_remarks(verdict)]))
    return DONE if verdict.accepted else NO


@click.command("enrol")
@_ID
@_PHOTOS
@text_option("--name", help="The person's name (default: the one that is enrolled, or ID).")
@click.option(
    "--replace", "in_place", is_flag=True, help="Replace what is enrolled under ID instead of adding the photos."
)
@text_option("--consent", metavar="TEXT", help="A reference to the person's consent.")
@text_option("--retain-until", metavar="YYYY-MM-DD", help="The last day for which the person may be kept.")
@talking
def enrol(talk: Talk, person_id: str, photos: tuple[str, ...], in_place: bool, **about: str) -> int:
    """Enrol photos as the person ID."""
    with talk.working("Enrolling"):
        done = talk.client.enrol_photos(person_id, *photos, in_place=in_place, **about)
    lines = [f"Enrolled: {done.code} {done.message}", *_left_out(done.left_out)]
    lines += [f"Possible duplicate: {other or 'another ID'}" for other in done.possible_duplicates]
    talk.show(done, "\n".join([*lines, *_warnings(done.warnings)]))
    return DONE


@click.command("compare")
@click.argument("a", type=PHOTO)
@click.argument("b", nargs=-1, required=True, type=PHOTO, metavar="B...")
@click.option("--live", is_flag=True, help="B is a selfie and must be live.")
@click.option("--document", is_flag=True, help="A is a photo of an ID card or passport.")
@talking
def compare(talk: Talk, a: str, b: tuple[str, ...], live: bool, document: bool) -> int:
    """Say whether photo A and photos B show the same person. Exit code 0: they do; 1: they do not."""
    with talk.working("Comparing"):
        found = talk.client.compare(a, list(b), live=live, document=document)
    lines = [f"{'Yes' if found.accepted else 'No'}: {found.code} {found.message}"]
    if found.score is not None and found.threshold is not None:
        lines.append(f"Score {found.score:.4f}, accepted up to {found.threshold:.4f}")
    talk.show(found, "\n".join([*lines, *_remarks(found)]))
    return DONE if found.accepted else NO


@click.command("search")
@_PHOTOS
@click.option("--limit", type=click.IntRange(1, 50), default=5, help="People for each face.")
@click.option("--live", is_flag=True, help="Accept only live faces.")
@talking
def search(talk: Talk, photos: tuple[str, ...], limit: int, live: bool) -> int:
    """Say who photos show. Exit code 0: somebody is within the threshold; 1: nobody is."""
    job = talk.client.search_later(*photos, limit=limit, live=live)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Searching", total=1.0)
        while (now := talk.client.job(job.job)).is_running:
            bar.update(task, completed=now.progress)
            time.sleep(EVERY_S)
    found = SearchResult.of(talk.client.wait(job))
    lines = []
    for face in found.faces:
        left, top, width, height = face.box
        lines.append(f"{face.file}, face at {left},{top} of {width} x {height}:")
        lines += [
            f"  {'*' if one.accepted else ' '} {one.id}  {one.name or ''}  {one.score:.4f}"
            for one in face.candidates
            if one.score is not None
        ]
    lines += [*_left_out(found.left_out), f"{found.people} people were searched; * is within the threshold."]
    talk.show(found, "\n".join(lines))
    return DONE if any(one.accepted for face in found.faces for one in face.candidates) else NO


@click.command("detect")
@_PHOTOS
@click.option("--embeddings", is_flag=True, help="Also return the faces' embeddings (with --json).")
@talking
def detect(talk: Talk, photos: tuple[str, ...], embeddings: bool) -> int:
    """Find the faces of photos. Exit code 0: there is one; 1: there is none."""
    with talk.working("Looking for faces"):
        found = (talk.client.embed if embeddings else talk.client.detect)(*photos)
    lines = []
    for photo in found.photos:
        score = "not a photo" if photo.score is None else f"score {photo.score:.3f}"
        lines.append(f"{photo.file}: {len(photo.faces)} faces, {score}")
        lines += [f"  {check['check']}: {check['advice']}" for check in photo.reasons if not check["passed"]]
    talk.show(found, "\n".join(lines))
    return DONE if any(photo.faces for photo in found.photos) else NO


def _remarks(found: Verdict | Comparison) -> list[str]:
    """Return what a terminal shows of a decision after its first lines."""
    rate = found.fmr_at_score
    share = [] if rate is None else [f"Share of strangers whose photos would pass at this score: {rate:.1e}"]
    return [*share, *_left_out(found.left_out or {}), *_warnings(found.warnings), *filter(None, [found.advice])]


def _left_out(photos: Mapping[str, int]) -> list[str]:
    return [f"Left out: {photo} ({code})" for photo, code in photos.items()]


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [f"Warning: {warning}" for warning in warnings]
