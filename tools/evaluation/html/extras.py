"""What only the page needs, measured where `--html` asks for it: curves, liveness by source, time of each stage."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from pipeline.types import Scorer
from tools.calibration.sample import ModelPairs
from tools.cli.options import FILE
from tools.evaluation.html.curves import curves
from tools.evaluation.html.latency import measure
from tools.evaluation.workbench import ROOT, Work, Workbench
from tools.installation.trial import NoServerError

REQUESTS = 12


def html_options(work: Work) -> Work:
    """Add the options of the page."""
    for one in (
        click.option("--requests", default=REQUESTS, metavar="N", help="Requests whose stages --html times; 0: none."),
        click.option("--liveness", type=FILE, metavar="DIR", help="Measure liveness on DIR/SOURCE/{bona_fide,attack}."),
        click.option("--html", type=FILE, metavar="REPORT", help="Write a page with curves, histograms and times."),
    ):
        work = one(work)
    return work


def extras(
    arguments: SimpleNamespace, bench: Workbench, compared: ModelPairs, scorer: Scorer, people: int
) -> dict[str, Any]:
    """Return `curves` and `latency` where there is to be a page, and `liveness` where a folder is given.

    `people` is how many the search enrolled. Raises one of the workbench's faults.
    """
    found: dict[str, Any] = {}
    if arguments.liveness is not None:
        found["liveness"] = _liveness(arguments.liveness, [arguments.weights])
    if arguments.html is None:
        return found
    found["curves"] = curves(compared, scorer, arguments.ver_tol, people)
    if arguments.requests > 0:
        try:
            found["latency"] = measure(bench.data, scorer.models, arguments.weights, arguments.requests)
        except NoServerError as error:
            raise ValueError(f"The server that --html times did not start: {error}") from None
    return found


def _liveness(folder: Path, weights: list[Path]) -> dict[str, Any]:
    from tools.training.evaluate import evaluate

    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    model = ROOT / "bin" / "model" / "liveness_best.h5"
    return dict(evaluate(folder, model, None, weights, None, lambda line: print(line, file=sys.stderr)).as_json())
