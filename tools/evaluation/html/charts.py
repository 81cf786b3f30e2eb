"""The page's pictures: curves and histograms as plain numbers, drawn by matplotlib as SVG, which stands in the page."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.types import Bools, Floats, Scorer
from tools.calibration.sample import ModelPairs

POINTS = 120
BINS = 80
INK, MUTED, LINE = "#0f172a", "#64748b", "#e2e8f0"
COLOURS = ("#0f766e", "#d97706", "#4f46e5", "#be185d", "#0369a1", "#65a30d")
GENUINE, IMPOSTOR, BONA_FIDE, ATTACK = "#0f766e", "#d97706", "#0f766e", "#be123c"
STYLE = {
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": LINE, "axes.axisbelow": True,
    "axes.grid": True, "grid.color": LINE, "axes.labelcolor": MUTED, "axes.labelsize": 9.5, "legend.frameon": False,
    "legend.fontsize": 9, "xtick.color": MUTED, "xtick.labelsize": 9, "xtick.major.size": 0, "ytick.color": MUTED,
    "ytick.labelsize": 9, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
}  # fmt: skip


def curves(compared: ModelPairs, scorer: Scorer, ver_tol: int, people: int) -> dict[str, Any]:
    """Return each model's and the fused score's error curve, and the histograms of the fused score with its thresholds.

    `det[name]` is `{"fmr": [...], "fnmr": [...]}`, both falling and rising between 0 and 1; `histogram` has `edges`
    (bins + 1), `genuine` and `impostor` (shares of the pairs, each summing to 1) and `thresholds` by name.
    """
    fused = compared.fused(scorer)
    scores = {"fused": fused, **(compared.distances if len(compared.distances) > 1 else {})}
    det = {name: error_curve(values[compared.same], values[~compared.same]) for name, values in scores.items()}
    drawn = histogram(fused, compared.same) | {"thresholds": thresholds(scorer, ver_tol, people)}
    return {"det": det, "histogram": drawn}


def error_curve(genuine: Floats, impostor: Floats) -> dict[str, list[float]]:
    """Return false match and false non-match rates at `POINTS` thresholds or fewer, from the strictest on.

    The thresholds are impostor scores, so the curve begins at the lowest rate that the data show.
    """
    own, others = np.sort(genuine), np.sort(impostor)
    places = np.unique(np.geomspace(1, len(others), POINTS).astype(int)) if len(others) else np.array([], dtype=int)
    missed = 1.0 - np.searchsorted(own, others[places - 1], side="right") / max(len(own), 1)
    return {"fmr": [float(one) for one in places / max(len(others), 1)], "fnmr": [float(one) for one in missed]}


def histogram(scores: Floats, same: Bools) -> dict[str, Any]:
    """Return the shares of genuine and impostor scores in `BINS` equal bins from the lowest score to the highest."""
    edges = np.linspace(float(scores.min()), float(scores.max()) + 1e-9, BINS + 1)
    counts = {name: np.histogram(scores[kind], edges)[0] for name, kind in (("genuine", same), ("impostor", ~same))}
    shares = {name: [float(one) for one in count / max(count.sum(), 1)] for name, count in counts.items()}
    return {"edges": [float(edge) for edge in edges], **shares}


def thresholds(scorer: Scorer, ver_tol: int, people: int) -> Mapping[str, float]:
    """Return the thresholds of one photo, of `ver_tol` photos, and of a search among `people`, by what they are for."""
    many = {f"1:1, {ver_tol} of {ver_tol} photos": scorer.threshold(ver_tol, ver_tol)} if ver_tol > 1 else {}
    search = {f"search, {people} people": scorer.search_threshold(people, 1)}
    return {"1:1, one photo": scorer.threshold(1, 1), **many, **search}


def det(curves: Mapping[str, Mapping[str, Sequence[float]]], stated: float) -> str:
    """Draw error curves on logarithmic axes, the fused one thick, with a line at the stated false match rate."""
    figure, axes = _axes(5.6, 4.0)
    is_drawn = False
    for number, (name, curve) in enumerate(curves.items()):
        pairs = [(x, y) for x, y in zip(curve["fmr"], curve["fnmr"], strict=True) if y > 0]
        label = name if pairs else f"{name}: no genuine pair is rejected"
        width = 2.6 if name == "fused" else 1.4
        colour = COLOURS[number % len(COLOURS)]
        axes.plot([x for x, _ in pairs], [y for _, y in pairs], color=colour, linewidth=width, label=label)
        is_drawn = is_drawn or bool(pairs)
    if is_drawn:
        axes.set(xscale="log", yscale="log")
    axes.set(xlabel="false match rate", ylabel="false non-match rate")
    _line(axes, stated, f"VER_FMR {stated:g}", MUTED)
    axes.legend()
    return _svg(figure, "Error curves: false non-match rate by false match rate")


def scores(histogram: Mapping[str, Any]) -> str:
    """Draw the shares of genuine and impostor scores, with the thresholds as labelled lines."""
    figure, axes = _axes(5.6, 4.0)
    edges = histogram["edges"]
    for name, colour in (("impostor", IMPOSTOR), ("genuine", GENUINE)):
        axes.stairs(histogram[name], edges, fill=True, color=colour, alpha=0.35, label=f"{name} pairs")
        axes.stairs(histogram[name], edges, color=colour, linewidth=1.4)
    axes.set(yscale="log", xlabel="score (lower is closer)", ylabel="share of the pairs")
    for number, (name, at) in enumerate(sorted(histogram["thresholds"].items(), key=lambda one: one[1])):
        axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"{name}: {at:.3f}", (at, 0.98 - 0.07 * number), (-4, 0), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="right", va="top", fontsize=8.5, color=INK,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})  # fmt: skip
    axes.legend(loc="lower right")
    return _svg(figure, "Histograms of genuine and impostor scores with the thresholds")


def rules(rows: Mapping[str, tuple[float, float, float]], stated: float | None) -> str:
    """Draw measured false match rates with their intervals, `name: (rate, low, high)`, beside the stated rate."""
    figure, axes = _axes(6.4, 0.9 + 0.42 * len(rows))
    for place, (rate, low, high) in enumerate(reversed(list(rows.values()))):
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2.2, solid_capstyle="round")
        axes.plot([rate], [place], "o", color=COLOURS[0], markersize=7)
    axes.set_yticks(range(len(rows)), list(reversed(list(rows))))
    axes.set(xlabel="false match rate, 95 % interval", ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlim(0, 1.15 * max([stated or 0.0, *(high for _, _, high in rows.values())]) or 1.0)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    if stated is not None:
        _line(axes, stated, "stated", ATTACK)
    return _svg(figure, "Measured false match rates of accept rules beside the stated one")


def sources(per_source: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw each source's share of accepted attacks and of rejected bona fide faces as two bars."""
    names = list(reversed(list(per_source)))
    figure, axes = _axes(6.4, 0.9 + 0.5 * len(names))
    for offset, key, colour, label in (
        (0.19, "apcer", ATTACK, "attacks accepted (APCER)"), (-0.19, "bpcer", BONA_FIDE, "bona fide rejected (BPCER)"),
    ):  # fmt: skip
        shares = [100 * (per_source[name][key] or 0.0) for name in names]
        axes.barh([at + offset for at in range(len(names))], shares, 0.34, color=colour, label=label)
        for at, (name, share) in enumerate(zip(names, shares, strict=True)):
            words = "none shown" if per_source[name][key] is None else f"{share:.1f}"
            _beside(axes, (share, at + offset), words)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="percent", xlim=(0, max(10.0, axes.get_xlim()[1] * 1.08)))
    above = (0.5, 1 + 0.5 / (1 + len(names)))
    axes.legend(loc="upper center", bbox_to_anchor=above, ncols=2)
    return _svg(figure, "Liveness errors by source")


def stages(times: Mapping[str, Mapping[str, float]]) -> str:
    """Draw each stage's median time as a bar, with a line to its 90th percentile."""
    names = list(reversed(list(times)))
    figure, axes = _axes(6.4, 0.8 + 0.27 * len(names))
    colours = [COLOURS[0] if name.startswith("upload") else COLOURS[2] for name in names]
    medians = [times[name]["median"] for name in names]
    axes.barh(range(len(names)), medians, 0.62, color=colours)
    for at, name in enumerate(names):
        median, p90 = times[name]["median"], times[name]["p90"]
        axes.plot([median, p90], [at, at], color=MUTED, linewidth=1.4)
        _beside(axes, (p90, at), f"{median:.0f} ms")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="milliseconds: bar, median; line, to the 90th percentile", xlim=(0, axes.get_xlim()[1] * 1.1))
    return _svg(figure, "Time of each stage")


def _axes(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()


def _line(axes: Any, at: float, label: str, colour: str) -> None:
    """Draw a dashed upright line with a label beside its upper end."""
    axes.axvline(at, color=colour, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(label, (at, 1), (4, -12), xycoords=("data", "axes fraction"), textcoords="offset points",
                  color=colour, fontsize=9)  # fmt: skip


def _beside(axes: Any, place: tuple[float, float], label: str) -> None:
    """Write a label to the right of the end of a bar."""
    axes.annotate(label, place, (4, 0), textcoords="offset points", va="center", fontsize=8, color=MUTED)


def _svg(figure: Any, title: str) -> str:
    """Return a figure as an SVG element for a page: text is text, and nothing names the tool or the time."""
    import matplotlib as mpl

    written = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):  # ids of two figures differ by the salt
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = re.sub(r"(?s)<metadata>.*?</metadata>", "", written.getvalue().partition("<svg ")[2])
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    return f'<svg role="img" aria-label="{title}" {text}'
