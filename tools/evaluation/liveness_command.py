"""`bin/evaluate-liveness`: measures liveness on FOLDER/SOURCE/{bona_fide,attack}/ in the terms of ISO/IEC 30107-3."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codes_dict import Refusal
from tools.cli.table import about

if TYPE_CHECKING:
    from tools.evaluation.liveness_open import OpenFaces
    from tools.evaluation.liveness_speed import Speed

ROOT = Path(__file__).resolve().parents[2]


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/evaluate-liveness", description=about(__doc__))
    parser.add_argument("folder", type=Path, help="holds SOURCE/{bona_fide,attack}/ with images and clips")
    parser.add_argument("--portraits", type=Path, help="also judge this folder's PERSON/ photos, as the server does")
    parser.add_argument("--clips", type=Path, help="also judge this folder's clips; attacks have fake in their name")
    parser.add_argument("--model", type=Path, default=ROOT / "bin" / "model" / "liveness_best.h5")
    parser.add_argument("--sha256", help="accept a model of this SHA-256 beside the one that its card names")
    parser.add_argument("--weights", type=Path, action="append", help="a folder with Fasnet's two files or facenox's")
    parser.add_argument("--engines", help="some of cnn,fasnet,facenox (default: all whose files are found)")
    parser.add_argument("--speed", action="store_true", help="measure CPU time a face as well, against DeepFace's")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--histogram", type=Path, help="draw the scores into this PNG file")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 with one sentence that says why it failed."""
    given = make_parser().parse_args(arguments)
    from tools.training.evaluate import evaluate

    places = given.weights or [ROOT / "bin" / "model" / "weights", ROOT.parent / "shared" / "weights"]
    engines = given.engines.split(",") if given.engines else None
    try:
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
        if given.json:
            given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        if given.histogram:
            measured.draw(given.histogram)
    except (Refusal, OSError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 2
    return 0


def open_faces(given: argparse.Namespace, engines: Sequence[str], places: Sequence[Path]) -> OpenFaces:
    """Measure whole photos and clips."""
    from pipeline.models.mtcnn import MtcnnDetector
    from tools.evaluation.liveness_open import measure_open
    from tools.training.evaluate import load_engines

    judge = load_engines(engines, given.model, given.sha256, places, ROOT / "bin" / "model" / "weights" / "compiled")
    return measure_open(given.portraits, given.clips, MtcnnDetector(), judge, note)


def measure(given: argparse.Namespace, engines: Sequence[str], places: Sequence[Path]) -> Speed:
    """Measure what a face costs, with the engines as the server runs them: on kept networks."""
    from pipeline.models.mtcnn import MtcnnDetector
    from tools.evaluation.liveness_speed import deepface_fasnet, measure_speed, six_faces
    from tools.training.evaluate import judges_of, load_engines, place_of

    judge = load_engines(engines, given.model, given.sha256, places, ROOT / "bin" / "model" / "weights" / "compiled")
    faces, peer = six_faces(given.folder, MtcnnDetector()), deepface_fasnet(place_of(places, ["fasnet"]) or places[0])
    return measure_speed(judges_of(judge), faces, peer)


def note(line: str) -> None:
    """Show progress beside the result."""
    print(line, file=sys.stderr, flush=True)
