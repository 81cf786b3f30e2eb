"""`bin/faceapp detect`."""

import click

from tools.cli.exits import DONE, NO
from tools.cli.talking import PHOTO, Talk, talking


@click.command("detect")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
@click.option("--embeddings", is_flag=True, help="Also return the faces' embeddings (with --json).")
@talking
def command(talk: Talk, photos: tuple[str, ...], embeddings: bool) -> int:
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
