"""`bin/calibrate`: from a folder of people to the calibration files that the server reads."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.registry import SIM_FUNCS
from pipeline.scoring.curve import LEAST_ERRORS
from pipeline.scoring.store import file_name
from tools.calibration.bootstrap import rate_name, shows
from tools.calibration.build import RATES, Calibration, calibrate, describe
from tools.calibration.plots import draw
from tools.calibration.sample import Ints
from tools.calibration.strangers import promise
from tools.evaluation.layout import Dataset, LayoutError, read_pairs, restrict
from tools.evaluation.workbench import FAULTS, ROOT, Workbench, add_common, prepare, rates_of

OUT = ROOT / "bin" / "model" / "calibration"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0, or 2 where the data cannot be used or cannot show a rate that was asked for."""
    arguments = make_parser().parse_args(argv)
    try:
        files = run(arguments)
    except FAULTS as fault:
        print(f"bin/calibrate: {fault}", file=sys.stderr)
        return 2
    print(f"Written: {', '.join(str(file) for file in files)}")
    print(f"Set CALIBRATION_FOLDER={arguments.out} in .env to use them.")
    return 0


def run(arguments: Namespace) -> list[Path]:
    """Calibrate every set of models and write one file for each. Raises one of `FAULTS`."""
    rates = RATES if arguments.fmr is None else tuple(rates_of(arguments.fmr))
    if arguments.bootstraps < 1:
        raise ValueError("--bootstraps is 1 or more.")
    if arguments.num_aug < 1:
        raise ValueError("--num-aug is 1 or more: the second look is a part of every calibration.")
    functions = _functions(arguments.sim_func)
    bench = prepare(arguments, lambda data: _named(data, arguments.pairs))
    _check_rates(bench.faces.sample.person, rates if arguments.fmr is not None else rates[:1])
    arguments.out.mkdir(parents=True, exist_ok=True)
    about = {
        "name": bench.data.name,
        "sha256": bench.data.digest(),
        "photos": len(bench.data.files),
        "photos_without_a_face": len(bench.faces.missing),
    }
    return [_one(names, functions, rates, arguments, bench, about) for names in _sets(list(bench.embedders))]


def make_parser() -> ArgumentParser:
    """Return what the command takes."""
    parser = ArgumentParser(prog="bin/calibrate", description="Measure thresholds at stated false match rates.")
    add_common(parser)
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE", help="use only the photos that pairs in LFW's format name"
    )
    parser.add_argument("--sim-func", default=",".join(SIM_FUNCS), help="by comma (default: %(default)s)")
    parser.add_argument("--fmr", help="refuse data that cannot show these rates, by comma (default: show what it can)")
    parser.add_argument(
        "--strangers", action="store_true", help="also calibrate on one half of the people and test on the other"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write (default: %(default)s)")
    parser.add_argument(
        "--bootstraps", type=int, default=200, help="draws of people per interval (default: %(default)s)"
    )
    return parser


def _functions(text: str) -> list[str]:
    functions = [one.strip() for one in text.split(",") if one.strip()]
    if not functions or not set(functions) <= set(SIM_FUNCS):
        raise ValueError(f"--sim-func takes {', '.join(SIM_FUNCS)}, by comma.")
    return functions


def _named(data: Dataset, pairs: Path | None) -> Dataset:
    return data if pairs is None else restrict(data, read_pairs(pairs, data))


def _sets(models: list[str]) -> list[list[str]]:
    """Return every set of the models: each alone, each pair, ..., all together."""
    return [list(some) for size in range(1, len(models) + 1) for some in combinations(models, size)]


def _one(
    names: list[str],
    functions: Sequence[str],
    rates: Sequence[float],
    arguments: Namespace,
    bench: Workbench,
    about: Mapping[str, Any],
) -> Path:
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
            _report_strangers(strangers[sim_func])
        draw(done[sim_func].pairs, title, path.with_name(f"{path.stem}-{sim_func}.png"))
    content = describe(versions, about, sample, done, strangers, rates)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    return path


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


def _report_strangers(strangers: Mapping[str, Any] | None) -> None:
    if strangers is None:
        print("  Too few people to test the thresholds on strangers.")
    else:
        print(
            f"  On strangers: FMR {strangers['fmr_measured']:.1e} at a stated {strangers['fmr_stated']:g}, "
            f"FNMR {100 * strangers['fnmr_measured']:.2f} %"
        )
