"""`bin/recognize`: who is in a photo, a folder of photos, a video or a camera's picture."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from codes_dict import Refusal
from pipeline.types import Pixels
from tools.recognize.looking import Looking
from tools.recognize.outputs import Outputs
from tools.recognize.sources import CannotLookError, Frame, Source, open_source
from tools.recognize.workbench import Recogniser, codes_text, opened

ROOT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str]) -> int:
    """Return 0 if all was looked at, 1 if a part was not (a video broke off, nobody was registered), 2 if nothing."""
    options = make_parser().parse_args(argv)
    if (options.register is None) != (options.id is None):
        print("bin/recognize: --register and --id go together", file=sys.stderr)
        return 2
    try:
        source = open_source(options.source, options.seconds)
        with opened(options.env) as recogniser:
            return _run(options, source, recogniser)
    except CannotLookError as reason:
        print(f"bin/recognize: {reason}", file=sys.stderr)
    except Refusal as refusal:
        detail = f" ({refusal.detail})" if refusal.detail else ""
        print(f"bin/recognize: {codes_text(refusal.code)} {refusal.code.operator_does}{detail}", file=sys.stderr)
    return 2


def _run(options: argparse.Namespace, source: Source, recogniser: Recogniser) -> int:
    outputs = Outputs(options.out, source)
    looking = Looking(recogniser, outputs, source.is_moving, options.every)
    began, frames = time.monotonic(), 0
    try:
        for frame in _with_progress(source):
            looking.take(frame)
            frames += 1
    except KeyboardInterrupt:
        print("Stopped; what was seen so far is saved.", file=sys.stderr)
    rows = looking.end()
    outputs.report(rows)
    speed = frames / max(time.monotonic() - began, 1e-9)
    names = ", ".join(sorted({row.name for row in rows})) or "nobody"
    print(f"{frames} frames at {speed:.1f} a second, {len(rows)} faces or tracks: {names}. Saved in {options.out}.")
    is_whole = _said(source)
    if options.register is not None:
        is_whole &= _register(options, looking.unknown(), recogniser)
    return 0 if is_whole else 1


def _said(source: Source) -> bool:
    """Say what could not be looked at; return whether that was nothing."""
    for name in source.skipped:
        print(f"{name} is no photo that can be read and was left out.", file=sys.stderr)
    if source.broke_off:
        print(f"{source.name} broke off before its end; what was seen until then is saved.", file=sys.stderr)
    return not source.skipped and not source.broke_off


def _register(options: argparse.Namespace, pictures: list[Pixels], recogniser: Recogniser) -> bool:
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


def _with_progress(source: Source) -> Iterator[Frame]:
    """Yield the frames; on a terminal, show how far and how fast it goes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(source.name, total=source.count, speed="")
        began = time.monotonic()
        frames: Iterable[Frame] = source.frames()
        for done, frame in enumerate(frames, start=1):
            yield frame
            progress.update(task, completed=done, speed=f"{done / max(time.monotonic() - began, 1e-9):.1f} fps")


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/recognize",
        description="Name the faces of a photo, a folder of photos, a video, or a camera (a number or camera:DEVICE). "
        "Liveness is not judged: a photo of a person counts as the person.",
    )
    parser.add_argument("source", metavar="PATH|FOLDER|VIDEO|CAMERA")
    parser.add_argument("--out", type=Path, default=Path("recognised"), metavar="DIR", help="default: ./%(default)s")
    parser.add_argument("--env", type=Path, default=ROOT / ".env", metavar="FILE", help="default: .env")
    parser.add_argument("--every", type=int, default=2, metavar="N", help="look at every Nth frame (default: 2)")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop a camera after so many seconds")
    parser.add_argument("--register", metavar="NAME", help="enrol the unknown face under this name")
    parser.add_argument("--id", metavar="ID", help="the ID to enrol it under")
    return parser
