"""`bin/fit-quality`: fits the quality score on photos of people, FOLDER/PERSON/PHOTO.jpg, and measures it on others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.models.runtime import ModelUnavailable
from tools.cli.table import about
from tools.evaluation.layout import LayoutError
from tools.evaluation.quality_data import Measurements, load
from tools.evaluation.quality_shipping import TooLittleDataError, cross_validate, fit, table

ROOT = Path(__file__).resolve().parents[2]


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/fit-quality", description=about(__doc__))
    parser.add_argument("folder", type=Path, help="people as folders with their photos; LFW's layout")
    parser.add_argument(
        "--weights", type=Path, default=ROOT / "bin" / "model" / "weights", help="MobileFaceNet's place"
    )
    parser.add_argument("--copies-of", type=int, default=600, help="people whose portraits are degraded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measured", type=Path, help="store the measurements in this file, or read them from it")
    parser.add_argument("--write", action="store_true", help="replace the shipped weights and limits")
    return parser


def measure(folder: Path, weights: Path, copies_of: int, seed: int) -> Measurements:
    """Measure the portraits and their degraded copies with the product's own detector and models."""
    from pipeline.models.embedders import load_embedder
    from pipeline.models.mtcnn import MtcnnDetector
    from pipeline.models.weights import WeightStore
    from pipeline.registry import REGISTRY
    from tools.evaluation.layout import read_people
    from tools.evaluation.quality_data import collect

    store = WeightStore(weights)
    models = {name: load_embedder(REGISTRY[name], store) for name in ("Dlib", "MobileFaceNet")}
    return collect(read_people(folder), MtcnnDetector(), models, copies_of, seed)


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 with one line that says why it failed."""
    given = make_parser().parse_args(arguments)
    try:
        if given.measured and given.measured.is_file():
            data = load(given.measured)
        else:
            data = measure(given.folder, given.weights, given.copies_of, given.seed)
            if given.measured:
                data.save(given.measured)
        shipped = fit(data)
        print(table(shipped, cross_validate(data)))
    except (LayoutError, ModelUnavailable, TooLittleDataError) as reason:
        print(f"bin/fit-quality: {reason}", file=sys.stderr)
        return 2
    if given.write:
        shipped.write(ROOT / "pipeline" / "stages" / "quality")
    return 0
