"""`bin/faceapp compare` and `detect`: nothing of these photos is kept."""

import click

from faceapp_client import Comparison
from tools.cli.exits import DONE, NO
from tools.cli.talking import PHOTO, Talk, talking


@click.command("compare")
@click.argument("a", type=PHOTO)
@click.argument("b", nargs=-1, required=True, type=PHOTO, metavar="B...")
@click.option("--live", is_flag=True, help="B is a selfie and must be live.")
@click.option("--document", is_flag=True, help="A is a photo of an ID card or passport.")
@talking
def command(talk: Talk, a: str, b: tuple[str, ...], live: bool, document: bool) -> int:
    """Say whether photo A and photos B show the same person. Exit code 0: they do; 1: they do not."""
    with talk.working("Comparing"):
        found = talk.client.compare(a, list(b), live=live, document=document)
    talk.show(found, told(found))
    return DONE if found.accepted else NO


def told(found: Comparison) -> str:
    """Return a comparison as a terminal shows it."""
    lines = [f"{'Yes' if found.accepted else 'No'}: {found.code} {found.message}"]
    if found.score is not None and found.threshold is not None:
        lines.append(f"Score {found.score:.4f}, accepted up to {found.threshold:.4f}")
    if found.fmr_at_score is not None:
        lines.append(f"Share of strangers whose photos would pass at this score: {found.fmr_at_score:.1e}")
    lines += [f"Left out: {photo} ({code})" for photo, code in (found.left_out or {}).items()]
    lines += [f"Warning: {warning}" for warning in found.warnings]
    return "\n".join([*lines, *filter(None, [found.advice])])


@click.command("detect")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
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
