"""`bin/fit-quality`: from measurements to what is shipped, with the figures on people that the fit has not seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from pipeline.models.embedders import load_embedder
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.stages.quality import score_of
from pipeline.stages.quality.score import Fitted
from pipeline.types import Bools, Doubles, Floats
from tools.calibration.sample import Ints
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, one_line, weights_option
from tools.evaluation.layout import read_people
from tools.evaluation.quality import PASS, fnmr_drop
from tools.evaluation.quality_data import UNUSUAL, Faces, Measurements, collect, load
from tools.evaluation.quality_fit import fit_limits, fit_linear, fit_utility, folds_of
from tools.evaluation.workbench import FAULTS, load_detector

FOLDS = 5
STRICT_FMR = 1e-4
"""The false match rate at which the utility asks whether a comparison succeeds: stricter than the server's default,
so that there are errors enough to learn from."""

LEAST_IMPOSTORS = 10
"""Fewest pairs of two people within a rate for it to be shown."""

OCCLUSION = "FaceOcclusionPrevention"
TERMS: Sequence[tuple[str, ...]] = (
    ("EmbeddingLength.MobileFaceNet", "MirrorAgreement.MobileFaceNet", "MirrorAgreement.Dlib", OCCLUSION),
    ("EmbeddingLength.MobileFaceNet", "MirrorAgreement.MobileFaceNet", OCCLUSION),
    ("MirrorAgreement.Dlib", OCCLUSION, "Sharpness"),
    (OCCLUSION, "Sharpness", "InterEyeDistance"),
)
"""The utilities' components: for both models, for either alone, and for none of them."""


@dataclass(frozen=True, eq=False)
class Shipped:
    """Everything that a fit gives: the occlusion model's weights and bias, and the limits and utilities."""

    weights: Doubles
    bias: float
    fitted: Fitted

    def write(self, folder: Path) -> None:
        """Write `occlusion.json` and `fitted.json` into the quality stage's folder."""
        weights = [float(f"{weight:.3g}") for weight in self.weights]
        _dump(folder / "occlusion.json", {"bias": round(self.bias, 5), "weights": weights})
        _dump(folder / "fitted.json", asdict(self.fitted), indent=1)


@dataclass(frozen=True)
class HeldOut:
    """Figures on held-out people, as fractions. `drops` is by the models whose looks are used, `+` between them.

    `unusual_passed` are copies in side light, tinted light, or cut close, which nothing covers.
    """

    drops: Mapping[str, float | None]
    portraits_passed: float
    unusual_passed: float
    degraded_stopped: Mapping[str, float]


def fit(data: Measurements, train: Bools | None = None) -> Shipped:
    """Fit on the people for whom `train`, of shape (largest person + 1,), is true; on all where it is None.

    Raises `ValueError` where there are too few people or errors to fit on.
    """
    chosen = np.ones(_everybody(data), dtype=np.bool_) if train is None else train
    portraits = _rows(data.portraits, chosen[data.portraits.person])
    copies = {kind: _rows(faces, chosen[faces.person]) for kind, faces in data.copies.items()}
    seen = [faces.features[~np.isnan(faces.values[:, 0])] for faces in (portraits, copies[UNUSUAL], copies["covered"])]
    features = np.vstack(seen).astype(np.float64)
    weights, bias = fit_linear(features, np.arange(len(features)) >= len(features) - len(seen[-1]))
    values = _components(data.names, portraits, weights, bias)
    worse = {kind: _components(data.names, faces, weights, bias) for kind, faces in copies.items()}
    limits, genuine = fit_limits(data.names, values, worse), _genuine(portraits)
    utilities = [fit_utility(names, values[:, [data.names.index(name) for name in names]], *genuine) for names in TERMS]
    return Shipped(weights, bias, Fitted(limits, tuple(utilities)))


def cross_validate(data: Measurements) -> HeldOut:
    """Fit on four fifths of the people and judge the others, five times; all figures are over the five together."""
    fold = folds_of(np.arange(_everybody(data)), FOLDS)
    scores = {names: np.zeros(len(data.portraits.person)) for names in TERMS}
    stopped: dict[str, list[bool]] = {kind: [] for kind in data.copies}
    for held_out in range(FOLDS):
        shipped = fit(data, fold != held_out)
        rows = fold[data.portraits.person] == held_out
        measured = _components(data.names, _rows(data.portraits, rows), shipped.weights, shipped.bias)
        for names in TERMS:
            scores[names][rows] = [_score(data.names, row, shipped.fitted, names) for row in measured]
        for kind, faces in data.copies.items():
            some = _rows(faces, fold[faces.person] == held_out)
            for row in _components(data.names, some, shipped.weights, shipped.bias):
                stopped[kind].append(_score(data.names, row, shipped.fitted, TERMS[0]) < PASS)
    drops = {_models(n) or "none": fnmr_drop(s, data.portraits.person, pair_scores(data, n)) for n, s in scores.items()}
    passed = float(np.mean(scores[TERMS[0]] >= PASS))
    rates = {kind: float(np.mean(values)) for kind, values in stopped.items()}
    return HeldOut(drops, passed, 1 - rates.pop(UNUSUAL), rates)


def pair_scores(data: Measurements, names: Sequence[str] = TERMS[0]) -> Floats:
    """Return the scores of all pairs by the models that `names` look through, lower is closer; all models for none."""
    models = _models(names).split("+") if _models(names) else list(data.portraits.embeddings)
    return _fused({name: data.portraits.embeddings[name] for name in models}, data.portraits.person)[0]


def _fused(embeddings: Mapping[str, Floats], person: Ints) -> tuple[Floats, Bools]:
    """Return minus the weighted sum of the models' cosines, and whether a pair is of one person, for all i < j.

    The weights are Fisher's linear discriminant between pairs of one and of two people.
    """
    left, right = np.triu_indices(len(person), 1)
    same = person[left] == person[right]
    cosines = []
    for vectors in embeddings.values():
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines.append((unit @ unit.T)[left, right].astype(np.float32))
    genuine, impostor = (np.stack([one[which] for one in cosines]) for which in (same, ~same))
    spread = np.atleast_2d(np.cov(genuine)) + np.atleast_2d(np.cov(impostor[:, ::50]))
    weights = np.linalg.solve(spread, genuine.mean(axis=1) - impostor.mean(axis=1))
    total = sum(float(weight) * one for weight, one in zip(weights, cosines, strict=True))
    return -np.asarray(total, dtype=np.float32), np.asarray(same)


def _genuine(portraits: Faces) -> tuple[Ints, Ints, Bools]:
    """Return the genuine pairs' photos, and whether all models together find that they show one person.

    It is the same question whichever models look: a score means the same with one model as with two.
    """
    scores, same = _fused(portraits.embeddings, portraits.person)
    impostor = scores[~same]
    within = int(len(impostor) * STRICT_FMR)
    if within < LEAST_IMPOSTORS:
        raise ValueError(f"{len(impostor)} pairs of two people cannot show a false match rate of {STRICT_FMR:g}")
    left, right = (side[same] for side in np.triu_indices(len(portraits.person), 1))
    success = scores[same] < np.partition(impostor, within)[within]
    if success.all():
        raise ValueError("no genuine comparison fails: there is no error to learn from")
    return left, right, success


def _score(names: Sequence[str], values: Doubles, fitted: Fitted, terms: Sequence[str]) -> float:
    """Return the score of components where only the models in `terms` have looked; 0 where no face was found."""
    if np.isnan(values).any():
        return 0.0
    models, row = _models(terms).split("+"), dict(zip(names, values.tolist(), strict=True))
    usable = {name: value for name, value in row.items() if "." not in name or name.partition(".")[2] in models}
    return score_of(usable, 1, fitted)


def _components(names: Sequence[str], faces: Faces, weights: Doubles, bias: float) -> Doubles:
    """Return the components (n, k) with the occlusion by these weights; NaN in rows where no face was found."""
    values = faces.values.copy()
    seen = ~np.isnan(values).any(axis=1)
    values[seen, names.index(OCCLUSION)] = faces.features[seen].astype(np.float64) @ weights + bias
    return values


def _rows(faces: Faces, chosen: Bools) -> Faces:
    vectors = {name: values[chosen] for name, values in faces.embeddings.items()}
    return Faces(faces.values[chosen], faces.features[chosen], faces.person[chosen], vectors)


def _models(names: Sequence[str]) -> str:
    """Return the models that components look through, `+` between them."""
    return "+".join(dict.fromkeys(name.partition(".")[2] for name in names if "." in name))


def _everybody(data: Measurements) -> int:
    """Return the largest person's number plus one."""
    return 1 + max(int(faces.person.max()) for faces in (data.portraits, *data.copies.values()))


def _dump(path: Path, stored: object, indent: int | None = None) -> None:
    path.write_text(json.dumps(stored, indent=indent) + "\n")


def table(shipped: Shipped, held_out: HeldOut) -> str:
    """Return what was fitted and what it does on held-out people, as Markdown tables."""
    lines = ["| component | 0 at | 7 at | uncapped from |", "|---|---|---|---|"]
    for name, limit in shipped.fitted.limits.items():
        lines.append(f"| {name} | {limit.worst:g} | {limit.threshold:g} | {limit.fine:g} |")
    for utility in shipped.fitted.utilities:
        looks = _models(list(utility.terms)) or "no model"
        lines += ["", f"Log odds with the looks of {looks}: {utility.bias:g} plus", ""]
        lines += ["| component | middle | unit | weight | further weight in the tail |", "|---|---|---|---|---|"]
        for name, term in utility.terms.items():
            lines.append(f"| {name} | {term.middle:g} | {term.spread:g} | {term.weight:g} | {term.tail:g} |")
    lines += ["", "| on people held out | |", "|---|---|"]
    for models, drop in held_out.drops.items():
        shown = "not shown" if drop is None else f"{drop:.0%}"
        lines.append(f"| fewer false non-matches without the worst tenth, looks of {models} | {shown} |")
    lines.append(f"| portraits that score 7 or more | {held_out.portraits_passed:.1%} |")
    lines.append(f"| unusual but open faces that score 7 or more | {held_out.unusual_passed:.1%} |")
    lines += [f"| {kind}: stopped | {rate:.1%} |" for kind, rate in held_out.degraded_stopped.items()]
    return "\n".join(lines)


@click.command("fit-quality")
@click.argument("folder", type=FILE)
@weights_option
@click.option("--copies-of", default=600, help="People whose portraits are degraded.")
@click.option("--seed", default=0, help="Seed of all random choices.")
@click.option("--measured", type=FILE, metavar="FILE", help="Store the measurements here, or read them from it.")
@click.option("--write", is_flag=True, help="Replace the shipped weights and limits.")
def command(folder: Path, weights: Path, copies_of: int, seed: int, measured: Path | None, write: bool) -> int:
    """Fit the quality score on photos of people, FOLDER/PERSON/PHOTO.jpg, and measure it on others."""
    with one_line(*FAULTS):
        if measured and measured.is_file():
            data = load(measured)
        else:
            store = WeightStore(weights)
            models = {name: load_embedder(REGISTRY[name], store) for name in ("Dlib", "MobileFaceNet")}
            data = collect(read_people(folder), load_detector(), models, copies_of, seed)
            if measured:
                data.save(measured)
        shipped = fit(data)
        print(table(shipped, cross_validate(data)))
    if write:
        shipped.write(ROOT / "pipeline" / "stages" / "quality")
    return DONE
