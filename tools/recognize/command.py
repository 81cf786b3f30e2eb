"""`bin/recognize`: who is in a photo, a folder of photos, a video or a camera's picture."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from tqdm import tqdm

from codes_dict import Refusal
from pipeline.types import Pixels
from tools.cli.exits import DONE, NO
from tools.cli.options import FILE, env_option, results
from tools.recognize.looking import Looking
from tools.recognize.outputs import Outputs
from tools.recognize.sources import CannotLookError, Source, open_source
from tools.recognize.workbench import Recogniser, codes_text, opened


@click.command("recognize")
@click.argument("source", metavar="PATH|FOLDER|VIDEO|CAMERA")
@click.option("--out", type=FILE, default=Path("recognised"), metavar="DIR", help="Where to save.")
@env_option
@click.option("--every", type=click.IntRange(min=1), default=2, metavar="N", help="Look at every Nth frame.")
@click.option("--seconds", type=float, metavar="S", help="Stop a camera after so many seconds.")
@click.option("--register", metavar="NAME", help="Enrol the unknown face under this name.")
@click.option("--id", metavar="ID", help="The ID to enrol it under.")
@results(CannotLookError, OSError)
def command(**given: Any) -> tuple[Any, int]:
    """Name the faces of a photo, a folder of photos, a video, or a camera (a number or camera:DEVICE).

    Liveness is not judged: a photo of a person counts as the person. Exit code 1: a part was not looked at.
    """
    options = SimpleNamespace(**given)
    if (options.register is None) != (options.id is None):
        raise click.UsageError("--register and --id go together.")
    source = open_source(options.source, options.seconds)
    outputs = Outputs(options.out, source)
    try:
        with opened(options.env) as recogniser:
            return _run(options, source, outputs, recogniser)
    except Refusal as refusal:
        detail = f" ({refusal.detail})" if refusal.detail else ""
        raise CannotLookError(f"{codes_text(refusal.code)} {refusal.code.operator_does}{detail}") from refusal


def _run(options: SimpleNamespace, source: Source, outputs: Outputs, recogniser: Recogniser) -> tuple[Any, int]:
    looking = Looking(recogniser, outputs, source.is_moving, options.every)
    began, frames = time.monotonic(), 0
    try:
        for frame in tqdm(source.frames(), source.name, source.count, unit=" frames", disable=None):
            looking.take(frame)
            frames += 1
    except KeyboardInterrupt:
        print("Stopped; what was seen so far is saved.", file=sys.stderr)
    rows = looking.end()
    outputs.report(rows)
    speed = frames / max(time.monotonic() - began, 1e-9)
    names = ", ".join(sorted({row.name for row in rows})) or "nobody"
    print(f"Frames: {frames}, {speed:.1f} a second. Faces or tracks: {len(rows)}: {names}. Saved in {options.out}.")
    is_whole = _said(source)
    if options.register is not None:
        is_whole &= _register(options, looking.unknown(), recogniser)
    return [asdict(row) for row in rows], DONE if is_whole else NO


def _said(source: Source) -> bool:
    """Say what could not be looked at; return whether that was nothing."""
    for name in source.skipped:
        print(f"{name} is no photo that can be read and was left out.", file=sys.stderr)
    if source.broke_off:
        print(f"{source.name} broke off before its end; what was seen until then is saved.", file=sys.stderr)
    return not source.skipped and not source.broke_off


def _register(options: SimpleNamespace, pictures: list[Pixels], recogniser: Recogniser) -> bool:
    """Enrol the unknown face under the given name and ID; its pictures have to be of one person."""
    if not pictures:
        print("There was no unknown face to register.", file=sys.stderr)
        return False
    try:
        outcome = recogniser.register(options.id, options.register, pictures)
    except Refusal as refusal:
        advice = refusal.advice or refusal.code.caller_does
        print(f"{options.register} was not registered: {codes_text(refusal.code)} {advice}", file=sys.stderr)
        return False
    print(f"{options.register} ({options.id}): {codes_text(outcome.code)}")
    return True
