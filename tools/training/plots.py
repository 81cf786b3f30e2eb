"""Pictures of how training went and how scores are spread."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.training.metrics import Presentation


def draw_histogram(engines: Mapping[str, Sequence[Presentation]], path: Path) -> None:
    """Draw the scores of bona fide faces and attacks, one panel an engine, into a PNG file."""
    pyplot = _pyplot()
    figure, panels = pyplot.subplots(len(engines), 1, figsize=(7, 2.6 * len(engines)), squeeze=False)
    for panel, (name, rows) in zip(panels[:, 0], engines.items(), strict=True):
        for attack, label, colour in ((False, "bona fide", "tab:green"), (True, "attack", "tab:red")):
            scores = [row.score for row in rows if row.attack == attack and row.score is not None]
            panel.hist(scores, bins=40, range=(0, 1), alpha=0.6, label=f"{label} ({len(scores)})", color=colour)
        panel.set_title(name)
        panel.set_xlabel("score: probability of an attack")
        panel.legend()
    _save(figure, path)


def draw_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Draw each fold's loss by epoch, in training (dashed) and on its left-out sources, into a PNG file."""
    pyplot = _pyplot()
    figure, panel = pyplot.subplots(figsize=(8, 5))
    for index, (name, (trained, left_out)) in enumerate(curves.items()):
        colour = f"C{index % 10}"
        panel.plot(range(1, len(trained) + 1), trained, "--", color=colour)
        panel.plot(range(1, len(left_out) + 1), left_out, color=colour, marker="o", markersize=3, label=name)
    panel.axhline(0.693, color="grey", linewidth=0.8)
    panel.set_xlabel("epoch")
    panel.set_ylabel("cross-entropy in nats (0.693 is chance)")
    panel.legend(title="left out", fontsize="small")
    _save(figure, path)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    _pyplot().close(figure)
