"""`bin/evaluate`: measures the product on a folder of people and prints a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from pipeline.registry import REGISTRY, SIM_FUNCS
from pipeline.scoring import CalibrationFault, load_scorer
from pipeline.scoring.fusion import plain
from pipeline.scoring.published import PublishedScorer
from pipeline.types import Photo, Scorer
from tools.calibration.sample import ModelPairs, Sample, model_pairs
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, note, results
from tools.evaluation import system
from tools.evaluation.brisque import BrisqueUnavailable, brisque_scores
from tools.evaluation.decisions import decisions
from tools.evaluation.degrade import turned_frames
from tools.evaluation.html.extras import extras
from tools.evaluation.html.page import page
from tools.evaluation.layout import LayoutError, Pair, read_pairs
from tools.evaluation.peer import chosen, deepface_accuracy
from tools.evaluation.quality import Assessor, quality_report
from tools.evaluation.recognition import MOST_SENT, accept_rates, accuracies, search_rates
from tools.evaluation.report import as_text
from tools.evaluation.workbench import FAULTS, Workbench, common_options, load_detector, prepare

RATES = (1e-3, 1e-4)
DRAWS = 500
"""Draws of people behind an interval."""

BRISQUE = ROOT / "build" / "brisque"
COUNT = click.IntRange(min=1)

OTHER_RULES = ((1, 1), (1, 3), (2, 2), (3, 3))
"""Further accept rules whose false match rate is measured: VER_TOL, and photos of a request at most."""


@click.command("evaluate")
@common_options()
@click.option("--pairs", type=FILE, metavar="FILE", help="Pairs in LFW's format (default: pairs.txt nearby).")
@click.option("--html", type=FILE, metavar="REPORT", help="Write a page with curves, histograms and times.")
@click.option("--liveness", type=FILE, metavar="DIR", help="Measure liveness on DIR/SOURCE/{bona_fide,attack}.")
@click.option("--requests", default=12, metavar="N", help="Requests whose stages --html times; 0: none.")
@click.option("--sim-func", default="cosine", type=click.Choice(SIM_FUNCS), help="SIM_FUNC.")
@click.option("--calibration", type=FILE, metavar="DIR", help="Folder of your own calibrations.")
@click.option("--fmr", default=1e-3, help="VER_FMR.")
@click.option("--fpir", default=1e-2, help="SEARCH_FPIR.")
@click.option("--ver-tol", type=COUNT, default=2, help="VER_TOL.")
@click.option("--ver-tol-aug", type=COUNT, default=20, help="VER_TOL_AUG.")
@click.option("--splits", type=COUNT, default=20, help="Random splits per person.")
@click.option("--peer", type=click.Choice(["deepface"]), help="Also run DeepFace's own verify on some of the pairs.")
@click.option("--peer-pairs", default=100, help="How many of the pairs.")
@click.option("--no-quality", is_flag=True, help="Leave the quality score out.")
@click.option("--clips", type=FILE, metavar="DIR", help="Clips of turning heads (default: `video` beside FOLDER).")
@click.option("--no-brisque", is_flag=True, help="Do not compare the quality score with BRISQUE.")
@click.option(
    "--brisque", type=FILE, default=BRISQUE, show_default=False, metavar="DIR",
    help="BRISQUE's environment, created if missing (default: build/brisque).",
)  # fmt: skip
@results(*FAULTS)
def command(**given: Any) -> tuple[Any, int]:
    """Measure recognition on FOLDER/PERSON/PHOTO.jpg, and print a table."""
    found = evaluate(SimpleNamespace(**given))
    print(as_text(found))
    if given["html"] is not None:
        given["html"].write_text(page(found), encoding="utf-8")
    return found, DONE


def evaluate(arguments: SimpleNamespace) -> dict[str, Any]:
    """Measure everything that is asked for; the result is what `--json` writes. Raises one of `FAULTS`."""
    turned = [] if arguments.no_quality else turned_frames(_clips(arguments))
    bench = prepare(arguments)
    beside = (place / "pairs.txt" for place in (arguments.folder, arguments.folder.parent))
    file = arguments.pairs or next((one for one in beside if one.is_file()), None)
    pairs = read_pairs(file, bench.data) if file else []
    scorer = _scorer(arguments, bench, arguments.sim_func)
    sample = bench.faces.sample
    compared = model_pairs(sample, arguments.sim_func)
    found: dict[str, Any] = {"data": _data(bench), "settings": _settings(arguments, scorer)}
    if pairs:
        found["pairs"] = _accuracies(arguments, bench, pairs)
    scores = {"fused": compared.fused(scorer), **compared.distances}
    found["tar"] = {name: accept_rates(one, compared.same, RATES) for name, one in scores.items()}
    found |= _system(arguments, sample, scorer)
    found["search"] = search_rates(sample, scorer, arguments.sim_func, 10, arguments.seed)
    found |= extras(arguments, bench, compared, scorer, found["search"]["people"])
    splits = max(1, arguments.splits // 4)
    found["decisions"] = decisions(sample, scorer, arguments.sim_func, arguments.ver_tol, splits, arguments.seed)
    if not arguments.no_quality:
        found["quality"] = _quality(arguments, bench, compared, turned)
    if arguments.peer:
        found["peer"] = _peer(arguments, bench, pairs)
    return found


def _scorer(arguments: SimpleNamespace, bench: Workbench, sim_func: str) -> Scorer:
    rates = arguments.num_aug, arguments.fmr, arguments.fpir
    return load_scorer(bench.versions, sim_func, *rates, arguments.calibration)


def _data(bench: Workbench) -> dict[str, Any]:
    return {
        "name": bench.data.name,
        "people": len(bench.data.people),
        "people_with_four": int((np.bincount(bench.data.person) >= 4).sum()),
        "photos": len(bench.data.files),
        "photos_without_a_face": len(bench.faces.missing),
    }


def _settings(arguments: SimpleNamespace, scorer: Scorer) -> dict[str, Any]:
    names = ("sim_func", "fmr", "fpir", "ver_tol", "ver_tol_aug", "num_aug", "splits", "seed")
    chosen = {name: getattr(arguments, name) for name in names}
    return {"models": list(scorer.models), "calibrated": scorer.calibrated, **chosen}


def _accuracies(arguments: SimpleNamespace, bench: Workbench, pairs: Sequence[Pair]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for sim_func in SIM_FUNCS:
        try:
            scorer: Scorer | None = _scorer(arguments, bench, sim_func)
        except CalibrationFault:
            scorer = None
        for name, one in accuracies(bench.faces, pairs, len(bench.data.files), sim_func, scorer).items():
            found.setdefault(name, {})[sim_func] = asdict(one)
    return found


def _system(arguments: SimpleNamespace, sample: Sample, scorer: Scorer) -> dict[str, Any]:
    if len(system.takes_part(sample)) < 2:
        return {"system": None, "promise": None}

    def run(ver_tol: int, published: Mapping[str, float], splits: int, photos: int) -> system.Accepts:
        rule = system.Rule(arguments.sim_func, ver_tol, arguments.ver_tol_aug)
        return system.run(sample, scorer, rule, published, splits, arguments.seed, photos)

    whole = run(arguments.ver_tol, _published(scorer, arguments.sim_func), arguments.splits, MOST_SENT)
    found, others = system.summary(whole, DRAWS, arguments.seed), []
    for ver_tol, photos in OTHER_RULES:
        done = run(ver_tol, {}, max(1, arguments.splits // 5), photos)
        low_high = system.impostor_interval(done, DRAWS, arguments.seed)
        rates = {"fmr": done.impostor(), "fmr_interval": low_high, "fmr_skip_verify": done.impostor("search")}
        others.append({"ver_tol": ver_tol, "photos": photos, **rates})
    stated = arguments.fmr if scorer.calibrated else None
    measured = {"fmr_stated": stated, "fmr_measured": found["fmr"], "interval": found["fmr_interval"]}
    return {"system": found, "promise": {**measured, "other_rules": others}}


def _published(scorer: Scorer, sim_func: str) -> Mapping[str, float]:
    if isinstance(scorer, PublishedScorer):
        return scorer.limits
    limits = {name: REGISTRY[name].thresholds.get(sim_func) for name in scorer.models}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _quality(
    arguments: SimpleNamespace, bench: Workbench, compared: ModelPairs, turned: Sequence[Photo]
) -> dict[str, Any]:
    name = "MobileFaceNet" if "MobileFaceNet" in compared.distances else next(iter(compared.distances))
    files = [bench.data.files[int(row)] for row in bench.faces.rows]
    assessor = Assessor(load_detector(), bench.embedders)
    environment = None if arguments.no_brisque else _brisque(files[0], arguments.brisque)
    person, scores = bench.faces.sample.person, compared.fused(plain(name))
    found = quality_report(files, person, scores, assessor, environment, arguments.seed, turned)
    return {**found, "scores_of": name}


def _clips(arguments: SimpleNamespace) -> Path:
    """Return the folder of clips. Raises `LayoutError` where one is asked for that is not there."""
    asked: Path | None = arguments.clips
    if asked is not None and not asked.is_dir():
        raise LayoutError(f"{asked} is not a folder.")
    return asked or Path(arguments.folder).resolve().parent / "video"


def _brisque(file: Path, environment: Path) -> Path | None:
    """Return the environment once BRISQUE has worked in it, or None."""
    try:
        brisque_scores([file], environment)
    except BrisqueUnavailable as reason:
        note(f"bin/evaluate: BRISQUE is skipped: {reason}")
        return None
    return environment


def _peer(arguments: SimpleNamespace, bench: Workbench, pairs: Sequence[Pair]) -> dict[str, Any]:
    if not pairs:
        raise LayoutError("--peer requires pairs: pass --pairs FILE.")
    some = chosen(pairs, arguments.peer_pairs, arguments.seed)
    found: dict[str, Any] = {}
    for name in (one for one in bench.embedders if REGISTRY[one].source in {"dlib", "deepface"}):
        published, best = deepface_accuracy(name, bench.data, some, arguments.sim_func, bench.weights)
        ours = accuracies(bench.faces, some, len(bench.data.files), arguments.sim_func, None)[name].accuracy
        theirs = {"deepface_at_published_threshold": published, "deepface_at_best_threshold": best}
        found[name] = {"pairs": len(some), **theirs, "ours": ours}
    return found
