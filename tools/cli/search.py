"""`bin/faceapp search`."""

import time

import click
from rich.console import Console
from rich.progress import Progress

from faceapp_client import SearchResult
from tools.cli.exits import DONE, NO
from tools.cli.talking import PHOTO, Talk, talking

EVERY_S = 0.3


@click.command("search")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PHOTO)
@click.option("--limit", type=click.IntRange(1, 50), default=5, help="People for each face.")
@click.option("--live", is_flag=True, help="Accept only live faces.")
@talking
def command(talk: Talk, photos: tuple[str, ...], limit: int, live: bool) -> int:
    """Say who photos show. Exit code 0: somebody is within the threshold; 1: nobody is."""
    found = _found(talk, photos, limit, live)
    lines = []
    for face in found.faces:
        left, top, width, height = face.box
        lines.append(f"{face.file}, face at {left},{top} of {width} x {height}:")
        lines += [
            f"  {'*' if one.accepted else ' '} {one.id}  {one.name or ''}  {one.score:.4f}"
            for one in face.candidates
            if one.score is not None
        ]
    lines += [f"Left out: {photo} ({code})" for photo, code in found.left_out.items()]
    talk.show(found, "\n".join([*lines, f"{found.people} people were searched; * is within the threshold."]))
    return DONE if any(one.accepted for face in found.faces for one in face.candidates) else NO


def _found(talk: Talk, photos: tuple[str, ...], limit: int, live: bool) -> SearchResult:
    """Search with a progress bar."""
    job = talk.client.search_later(*photos, limit=limit, live=live)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Searching", total=1.0)
        while (now := talk.client.job(job.job)).is_running:
            bar.update(task, completed=now.progress)
            time.sleep(EVERY_S)
    return SearchResult.of(talk.client.wait(job))
