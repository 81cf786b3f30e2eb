"""`bin/evaluate-liveness`: measures liveness on FOLDER/SOURCE/{bona_fide,attack}/ in the terms of ISO/IEC 30107-3."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from codes_dict import Refusal
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, WEIGHTS, results

if TYPE_CHECKING:
    from tools.evaluation.liveness_open import OpenFaces
    from tools.evaluation.liveness_speed import Speed

MODEL = ROOT / "bin" / "model" / "liveness_best.h5"


@click.command("evaluate-liveness")
@click.argument("folder", type=FILE)
@click.option("--portraits", type=FILE, metavar="DIR", help="Also judge DIR/PERSON/ photos, as the server does.")
@click.option("--clips", type=FILE, metavar="DIR", help="Also judge clips; attacks have fake in their name.")
@click.option("--model", type=FILE, default=MODEL, show_default=False, metavar="FILE", help="The trained network.")
@click.option("--sha256", help="Accept a model of this SHA-256 beside the one that its card names.")
@click.option("--weights", type=FILE, multiple=True, metavar="DIR", help="Folder of Fasnet's files, or facenox's.")
@click.option("--engines", help="Some of cnn,fasnet,facenox (default: all whose files are found).")
@click.option("--speed", is_flag=True, help="Measure CPU time a face as well, against DeepFace's.")
@click.option("--histogram", type=FILE, metavar="PNG", help="Draw the scores into this file.")
@results(Refusal, OSError, ValueError)
def command(**arguments: Any) -> tuple[Any, int]:
    """Measure liveness on FOLDER/SOURCE/{bona_fide,attack}/, images and clips, in the terms of ISO/IEC 30107-3."""
    from tools.training.evaluate import evaluate

    given = SimpleNamespace(**arguments)
    places = given.weights or [WEIGHTS, ROOT.parent / "shared" / "weights"]
    engines = given.engines.split(",") if given.engines else None
    measured = evaluate(given.folder, given.model, given.sha256, places, engines, note)
    print(measured.text())
    figures = measured.as_json()
    if given.portraits or given.clips:
        faces = open_faces(given, engines or [name for name in figures if name != "fused"], places)
        print(f"\n{faces.text()}")
        figures["open"] = faces.as_json()
    if given.speed:
        speed = measure(given, engines or [name for name in figures if name != "fused"], places)
        print(f"\n{speed.text()}")
        figures["speed"] = speed.as_json()
    if given.histogram:
        measured.draw(given.histogram)
    return figures, DONE


def open_faces(given: SimpleNamespace, engines: Sequence[str], places: Sequence[Path]) -> OpenFaces:
    """Measure whole photos and clips."""
    from pipeline.models.mtcnn import MtcnnDetector
    from tools.evaluation.liveness_open import measure_open
    from tools.training.evaluate import load_engines

    judge = load_engines(engines, given.model, given.sha256, places, WEIGHTS / "compiled")
    return measure_open(given.portraits, given.clips, MtcnnDetector(), judge, note)


def measure(given: SimpleNamespace, engines: Sequence[str], places: Sequence[Path]) -> Speed:
    """Measure what a face costs, with the engines as the server runs them: on kept networks."""
    from pipeline.models.mtcnn import MtcnnDetector
    from tools.evaluation.liveness_speed import deepface_fasnet, measure_speed, six_faces
    from tools.training.evaluate import judges_of, load_engines, place_of

    judge = load_engines(engines, given.model, given.sha256, places, WEIGHTS / "compiled")
    faces, peer = six_faces(given.folder, MtcnnDetector()), deepface_fasnet(place_of(places, ["fasnet"]) or places[0])
    return measure_speed(judges_of(judge), faces, peer)


def note(line: str) -> None:
    """Show progress beside the result."""
    print(line, file=sys.stderr, flush=True)
