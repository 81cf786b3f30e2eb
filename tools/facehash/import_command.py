"""`bin/import-embeddings`: names and embeddings of a pickle become users of a key's FaceHash classifier."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from bootstrap.models import WEIGHTS
from bootstrap.sealing import facehash_files
from codes_dict import Refusal
from db.facehash import FaceHashHomes
from db.gallery.pickles import PickleRefusedError
from env_validator import Settings, SettingsFault, load_settings
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import NoStrangersError, Strangers, load, unit
from pipeline.classifier.trainer import Trainer
from pipeline.models.embedders import ModelUnavailable, embedding_version, locate
from pipeline.models.runtime import recognition_precision
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.stages.identity import check_name
from pipeline.types import EnrolledFaces, Floats
from tools.evaluation.workbench import ROOT
from tools.facehash.name_pickles import read_names

FARTHEST = 1.6
"""Mean squared distance to the model's statistics per number, in their own units, up to which embeddings are of the
model: its own have 1, another model's tens and more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 2 with a line that says why nothing was imported."""
    arguments = make_parser().parse_args(argv)
    try:
        print(_imported(arguments, load_settings(arguments.env)))
    except (PickleRefusedError, SettingsFault, Refusal, ModelUnavailable, NoStrangersError, ValueError, OSError) as why:
        print(f"bin/import-embeddings: {why}", file=sys.stderr)
        return 2
    return 0


def _imported(arguments: argparse.Namespace, settings: Settings) -> str:
    if settings.selected_models != (arguments.model,):
        raise ValueError(
            f"the embeddings are said to be {arguments.model}'s; SELECTED_MODELS has to be this model alone, because "
            "what is compared with them needs the same embeddings"
        )
    names = read_names(arguments.file.read_bytes())
    spec = REGISTRY[arguments.model]
    weights = WeightStore(WEIGHTS, settings.model_mirror or None)
    version = embedding_version(spec, weights.sha256(locate(spec, weights)), recognition_precision())
    check_model(names, load({arguments.model: version}, settings.calibration_folder), arguments.model)
    homes = FaceHashHomes(facehash_files(settings))
    with closing(ClassifierService(homes, Trainer(), {arguments.model: version}, settings.calibration_folder)) as its:
        users = dict(its.users(arguments.home))
        added = {check_name(name): EnrolledFaces({arguments.model: rows}) for name, rows in names.items()}
        taken = sorted(set(users) & set(added))
        if taken:
            raise ValueError(f"{len(taken)} of the names are users already, {taken[0]} for one: forget them first")
        report = its.train(arguments.home, {**users, **added}, {}, lambda share: None)
    return f"{len(added)} users were imported: version {report.number} of {arguments.home} has {len(report.faces)}."


def check_model(names: Mapping[str, Floats], strangers: Strangers, model: str) -> None:
    """Raise `ValueError` where embeddings were made by another model than this one, as far as numbers can tell."""
    rows = np.concatenate(list(names.values()))
    size = len(strangers.mean)
    if rows.shape[1] != size:
        raise ValueError(f"the embeddings have {rows.shape[1]} numbers, {model}'s have {size}: another model made them")
    apart = (unit(rows) - strangers.mean).astype(np.float64)
    ridge = 1e-3 * np.trace(strangers.total) / size * np.eye(size)
    squares = np.einsum("ij,ij->i", apart, np.linalg.solve(strangers.total + ridge, apart.T).T) / size
    if float(squares.mean()) > FARTHEST:
        raise ValueError(
            f"the embeddings lie where {model}'s never do ({squares.mean():.1f} times as far): another model made them"
        )


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/import-embeddings",
        description="Import a pickled dictionary of names and embeddings as users of a FaceHash classifier. Nothing of "
        "the file is executed. What was made by another model is refused.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a pickle such as embds_dict_ad.pkl")
    parser.add_argument("--model", required=True, choices=list(REGISTRY), help="the model that made the embeddings")
    parser.add_argument("--home", required=True, metavar="KEY", help="the key's id (bin/keys list), or API_KEY_TEST_1")
    parser.add_argument("--env", type=Path, default=ROOT / ".env", metavar="FILE", help="default: .env")
    return parser
