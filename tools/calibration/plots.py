"""Pictures of a calibration: the DET curve, and the histograms of genuine and impostor scores."""

from pathlib import Path

import numpy as np

from tools.calibration.sample import PairScores
from tools.evaluation.html.curves import error_curve


def draw(pairs: PairScores, title: str, path: Path) -> None:
    """Write the DET curve and the histograms of single comparisons side by side as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    det, histogram = figure.subplots(1, 2)
    impostor, genuine = np.sort(pairs.impostor), np.sort(pairs.genuine)
    curve = error_curve(genuine, impostor)
    seen = np.array(curve["fnmr"]) > 0
    det.loglog(np.array(curve["fmr"])[seen], np.array(curve["fnmr"])[seen])
    det.set(xlabel="false match rate", ylabel="false non-match rate", title=title)
    det.grid(visible=True, which="both", alpha=0.3)
    edges = np.linspace(min(genuine[0], impostor[0]), max(genuine[-1], impostor[-1]), 120)
    for scores, label in ((genuine, f"genuine ({len(genuine)})"), (impostor, f"impostor ({len(impostor)})")):
        histogram.hist(scores, bins=edges, density=True, alpha=0.6, label=label)
    histogram.set(xlabel="score (lower is closer)", ylabel="density", yscale="log")
    histogram.legend()
    figure.savefig(path, dpi=110, format="png")
