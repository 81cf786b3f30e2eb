"""`bin/calibrate`: from a folder of people to the calibration files that the server reads."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from pipeline.registry import SIM_FUNCS
from pipeline.scoring.curve import LEAST_ERRORS
from pipeline.scoring.scorer import CalibratedScorer
from pipeline.scoring.store import file_name
from tools.calibration.bootstrap import rate_name, shows
from tools.calibration.build import RATES, Calibration, calibrate, describe
from tools.calibration.sample import Ints, PairScores, Sample, model_pairs
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, results
from tools.evaluation import system
from tools.evaluation.html.charts import error_curve
from tools.evaluation.layout import LayoutError, read_pairs, restrict
from tools.evaluation.recognition import accept_rates
from tools.evaluation.workbench import FAULTS, Workbench, common_options, prepare, rates_of

OUT = ROOT / "bin" / "model" / "calibration"
FMR, FPIR = 1e-3, 1e-2
SPLITS = 4


@click.command("calibrate")
@common_options()
@click.option("--pairs", type=FILE, metavar="FILE", help="Use only the photos in this list of pairs (LFW's format).")
@click.option("--sim-func", default=",".join(SIM_FUNCS), help="Distances, separated by commas.")
@click.option("--fmr", metavar="RATES", help="Refuse data that cannot show these rates (default: show what it can).")
@click.option("--strangers", is_flag=True, help="Also calibrate on one half of the people and test on the other.")
@click.option("--out", type=FILE, default=OUT, show_default=False, metavar="DIR", help="Where to write the files.")
@click.option("--bootstraps", type=click.IntRange(min=1), default=200, help="Draws of people per interval.")
@results(*FAULTS)
def command(**given: Any) -> tuple[Any, int]:
    """Measure thresholds at stated false match rates on FOLDER/PERSON/PHOTO.jpg, for every set of the models."""
    arguments = SimpleNamespace(**given)
    rates = RATES if arguments.fmr is None else tuple(rates_of(arguments.fmr))
    if arguments.num_aug < 1:
        raise ValueError("--num-aug is 1 or more: the second look is a part of every calibration.")
    functions = [one.strip() for one in arguments.sim_func.split(",") if one.strip()]
    if not functions or not set(functions) <= set(SIM_FUNCS):
        raise ValueError(f"--sim-func takes {', '.join(SIM_FUNCS)}, by comma.")
    pairs: Path | None = arguments.pairs
    bench = prepare(arguments, lambda data: restrict(data, read_pairs(pairs, data)) if pairs else data)
    _check_rates(bench.faces.sample.person, rates if arguments.fmr is not None else rates[:1])
    arguments.out.mkdir(parents=True, exist_ok=True)
    about = {
        "name": bench.data.name,
        "sha256": bench.data.digest(),
        "photos": len(bench.data.files),
        "photos_without_a_face": len(bench.faces.missing),
    }
    models = list(bench.embedders)
    every_set = [list(some) for size in range(1, len(models) + 1) for some in combinations(models, size)]
    written = [_one(names, functions, rates, arguments, bench, about) for names in every_set]
    print(f"Written: {', '.join(file for file, _ in written)}")
    print(f"Set CALIBRATION_FOLDER={arguments.out} in .env to use them.")
    return {"data": about, "calibrations": [{"file": file, "thresholds": found} for file, found in written]}, DONE


def _one(
    names: list[str],
    functions: Sequence[str],
    rates: Sequence[float],
    arguments: SimpleNamespace,
    bench: Workbench,
    about: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    """Calibrate a set of models and write its file; return the file's name, and the thresholds by distance."""
    sample = bench.faces.sample.with_models(names)
    versions = {name: bench.versions[name] for name in names}
    path: Path = arguments.out / file_name(versions)
    done: dict[str, Calibration] = {}
    strangers = {}
    for sim_func in functions:
        done[sim_func] = calibrate(sample, sim_func, rates, arguments.bootstraps, seed=arguments.seed)
        strangers[sim_func] = promise(sample, sim_func, arguments.seed) if arguments.strangers else None
        title = f"{' + '.join(names)}, {sim_func}"
        print(f"\n{title}")
        _report(done[sim_func].thresholds)
        if arguments.strangers:
            print(_on_strangers(strangers[sim_func]))
        _draw(done[sim_func].pairs, title, path.with_name(f"{path.stem}-{sim_func}.png"))
    content = describe(versions, about, sample, done, strangers, rates)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    return str(path), {name: one.thresholds for name, one in done.items()}


def _check_rates(person: Ints, rates: Sequence[float]) -> None:
    """Raise `LayoutError` where the faces make too few impostor pairs for one of the rates."""
    photos = np.bincount(person)
    comparisons = int((len(person) ** 2 - (photos**2).sum()) // 2)
    hidden = [rate for rate in rates if not shows(comparisons, rate)]
    if hidden:
        raise LayoutError(
            f"FMR {rate_name(hidden[0])} is refused: {comparisons} impostor pairs cannot show it, "
            f"{math.ceil(LEAST_ERRORS / hidden[0])} are needed."
        )


def _report(thresholds: Mapping[str, Any]) -> None:
    for name, by_rate in thresholds.items():
        for rate, one in by_rate.items():
            if one is None:
                print(f"  {name:<16} FMR {rate:<6} refused: fewer than ten of the impostor pairs would be within it.")
                continue
            low, high = one["threshold_interval"]
            print(
                f"  {name:<16} FMR {rate:<6} threshold {one['threshold']:.4f} ({low:.4f} to {high:.4f}), true accepts "
                f"{100 * one['tar']:.2f} % ({one['errors']} of {one['comparisons']} impostor pairs within)"
            )


def _on_strangers(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "  Too few people to test the thresholds on strangers."
    rates = f"FMR {found['fmr_measured']:.1e} at a stated {found['fmr_stated']:g}"
    return f"  On strangers: {rates}, FNMR {100 * found['fnmr_measured']:.2f} %"


def _draw(pairs: PairScores, title: str, path: Path) -> None:
    """Write the DET curve and the histograms of single comparisons side by side as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    det, histogram = figure.subplots(1, 2)
    curve = error_curve(pairs.genuine, pairs.impostor)
    det.loglog(*zip(*(point for point in zip(curve["fmr"], curve["fnmr"], strict=True) if point[1]), strict=True))
    det.set(xlabel="false match rate", ylabel="false non-match rate", title=title)
    det.grid(visible=True, which="both", alpha=0.3)
    edges = np.histogram_bin_edges(np.concatenate([pairs.genuine, pairs.impostor]), 119)
    for kind, scores in (("genuine", pairs.genuine), ("impostor", pairs.impostor)):
        histogram.hist(scores, bins=edges, density=True, alpha=0.6, label=f"{kind} ({len(scores)})")
    histogram.set(xlabel="score (lower is closer)", ylabel="density", yscale="log")
    histogram.legend()
    figure.savefig(path, dpi=110, format="png")


def promise(sample: Sample, sim_func: str, seed: int) -> dict[str, Any] | None:
    """Return what both halves' calibrations do on the other half, averaged; None where the halves are too small.

    `fmr_measured` is the whole accept rule's at a stated FMR of 1e-3; `tar` the true accept rates of single
    comparisons by the fused score at 1e-3 and 1e-4, over the other half's pairs.
    """
    people = np.unique(sample.person)
    first = np.zeros(int(people.max()) + 1, dtype=np.bool_)
    first[np.random.default_rng([seed, 71]).permutation(people)[: len(people) // 2]] = True
    found = []
    for half in (first, ~first):
        known, strangers = sample.of_people(half), sample.of_people(~half)
        try:
            made = calibrate(known, sim_func, rates=(), seed=seed).measured
        except ValueError:
            return None
        scorer = CalibratedScorer(made, FMR, FPIR)
        if len(system.takes_part(strangers)) < 2:
            return None
        accepts = system.run(strangers, scorer, system.Rule(sim_func), {}, SPLITS, seed)
        pairs = model_pairs(strangers, sim_func)
        tar = accept_rates(pairs.fused(scorer), pairs.same, (1e-3, 1e-4))
        found.append({**accepts.rates("system"), **tar})
    return {
        "fmr_stated": FMR,
        "fmr_measured": float(np.mean([one["fmr"] for one in found])),
        "fnmr_measured": float(np.mean([one["fnmr"] for one in found])),
        "tar": {name: _mean([one[name] for one in found]) for name in ("1e-3", "1e-4")},
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
