"""What only the page needs, measured where `--html` asks for it: curves, liveness by source, time of each stage."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.types import Scorer
from tools.benchmark.client import Client, server
from tools.calibration.sample import ModelPairs
from tools.cli.options import ROOT, note
from tools.evaluation.html.charts import curves
from tools.evaluation.layout import Dataset
from tools.evaluation.workbench import Workbench
from tools.installation.trial import NoServerError

MOST_SENT = 3


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
    return dict(evaluate(folder, ROOT / "bin" / "model" / "liveness_best.h5", None, weights, None, note).as_json())


def measure(data: Dataset, models: Sequence[str], mirror: Path, requests: int) -> dict[str, Any]:
    """Verify people with liveness over HTTP and return each stage's milliseconds: `median`, `p90`, `share` of the sum.

    Those with most photos come first; everybody is enrolled with one and verified with up to three others. Raises
    `ValueError` where nobody has two photos that the server keeps.
    """
    changes = {"SELECTED_MODELS": ",".join(models), "MODEL_MIRROR": str(mirror)}
    runs: list[dict[str, float]] = []
    sent = 0
    with server(changes) as running:
        client = Client(running)
        for number, files in enumerate(sorted(data.by_person().values(), key=len, reverse=True)):
            if len(runs) >= requests or len(files) < 2:
                break
            photos = [file.read_bytes() for file in files[: 1 + MOST_SENT]]
            try:
                client.enrol(f"RECO_ID_{number}", photos[:1])
                client.verify(f"RECO_ID_{number}", photos[1:], liveness=True)
            except RuntimeError:  # the server kept none of the photos
                continue
            runs.append(dict(client.stages))
            sent += len(photos) - 1
    if not runs:
        raise ValueError("Nobody has two photos with a face, so no request can be timed.")
    return {"requests": len(runs), "photos": sent, "stages": stages(runs)}


def stages(runs: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return `median`, `p90` and `share` of each stage over the requests that reached it, in the stages' order."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    times = {name: [run[name] for run in runs if name in run] for name in names}
    whole = sum(statistics.fmean(its) for its in times.values()) or 1.0
    return {
        name: {
            "median": statistics.median(its),
            "p90": float(np.quantile(its, 0.9, method="nearest")),
            "share": statistics.fmean(its) / whole,
        }
        for name, its in times.items()
    }
