"""Pictures of how training went and how scores are spread."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.training.metrics import Presentation


def draw_histogram(engines: Mapping[str, Sequence[Presentation]], path: Path) -> None:
    """Draw the scores of bona fide faces and attacks, one panel an engine, into a PNG file."""
    figure = _figure(7, 2.6 * len(engines))
    panels = figure.subplots(len(engines), 1, squeeze=False)
    for panel, (name, rows) in zip(panels[:, 0], engines.items(), strict=True):
        for attack, label, colour in ((False, "bona fide", "tab:green"), (True, "attack", "tab:red")):
            scores = [row.score for row in rows if row.attack == attack and row.score is not None]
            panel.hist(scores, bins=40, range=(0, 1), alpha=0.6, label=f"{label} ({len(scores)})", color=colour)
        panel.set(title=name, xlabel="score: probability of an attack")
        panel.legend()
    figure.savefig(path, dpi=100)


def draw_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Draw each fold's loss by epoch, in training (dashed) and on its left-out sources, into a PNG file."""
    figure = _figure(8, 5)
    panel = figure.subplots()
    for index, (name, (trained, left_out)) in enumerate(curves.items()):
        colour = f"C{index % 10}"
        panel.plot(range(1, len(trained) + 1), trained, "--", color=colour)
        panel.plot(range(1, len(left_out) + 1), left_out, color=colour, marker="o", markersize=3, label=name)
    panel.axhline(0.693, color="grey", linewidth=0.8)
    panel.set(xlabel="epoch", ylabel="cross-entropy in nats (0.693 is chance)")
    panel.legend(title="left out", fontsize="small")
    figure.savefig(path, dpi=100)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="tight")
