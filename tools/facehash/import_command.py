"""`bin/import-embeddings`: names and embeddings of a pickle become users of a key's FaceHash classifier."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click
import numpy as np

from bootstrap.models import WEIGHTS
from bootstrap.sealing import facehash_files
from db.facehash import FaceHashHomes
from db.gallery.pickles import PickleRefusedError
from env_validator import Settings
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import NoStrangersError, Strangers, unit, with_others
from pipeline.classifier.trainer import Trainer
from pipeline.flows.facehash import user_name
from pipeline.models.embedders import ModelUnavailable, embedding_version, locate
from pipeline.models.runtime import recognition_precision
from pipeline.models.weights import WeightStore
from pipeline.ports import UsersFaces
from pipeline.registry import REGISTRY
from pipeline.types import EnrolledFaces, Floats
from tools.cli.options import FILE
from tools.facehash.name_pickles import read_names
from tools.records.running import Told, on_records

FARTHEST = 1.6
"""Mean squared distance to the model's statistics per number, in their own units, up to which embeddings are of the
model: its own have about 1, those of most others much more."""


@click.command("import-embeddings")
@click.argument("file", type=FILE)
@click.option("--model", required=True, type=click.Choice([*REGISTRY]), metavar="NAME", help="Their model.")
@click.option("--home", required=True, metavar="KEY", help="The key's id (bin/keys list), or API_KEY_TEST_1.")
@on_records("import-embeddings")
def command(settings: Settings, file: Path, model: str, home: str) -> Told:
    """Import FILE, a pickled dictionary of names and embeddings, as users of a FaceHash classifier.

    Nothing of the file is executed. Embeddings that another model made are refused.
    """
    if settings.selected_models != (model,):
        raise ValueError(
            f"the embeddings are said to be {model}'s; SELECTED_MODELS has to be this model alone, because "
            "what is compared with them needs the same embeddings"
        )
    try:
        names = as_users(read_names(file.read_bytes()))
        spec, weights = REGISTRY[model], WeightStore(WEIGHTS, settings.model_mirror or None)
        version = embedding_version(spec, weights.sha256(locate(spec, weights)), recognition_precision())
        check_model(names, with_others({model: version}, settings.calibration_folder), model)
    except (PickleRefusedError, ModelUnavailable, NoStrangersError) as why:
        raise ValueError(str(why)) from why
    homes = FaceHashHomes(facehash_files(settings))
    with closing(ClassifierService(homes, Trainer(), {model: version}, settings.calibration_folder)) as its:
        added = {name: EnrolledFaces({model: rows}) for name, rows in names.items()}
        report = its.train(home, lambda users: _joined(users, added), {}, lambda share: None)
    said = f"{len(added)} users were imported: version {report.number} of {home} has {len(report.faces)}."
    return said, {"imported": len(added), "version": report.number, "users": len(report.faces)}


def _joined(users: UsersFaces, added: UsersFaces) -> UsersFaces:
    taken = sorted(set(users) & set(added))
    if taken:
        raise ValueError(f"{len(taken)} of the names are users already, {taken[0]} for one: forget them first")
    return {**users, **added}


def as_users(names: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the names as they are compared; raises `ValueError` where two of them are one then."""
    users = {user_name(name): rows for name, rows in names.items()}
    if len(users) < len(names):
        raise ValueError(f"{len(names) - len(users)} of the names are others of them in another spelling")
    return users


def check_model(names: Mapping[str, Floats], known: Strangers, model: str) -> None:
    """Raise `ValueError` where embeddings were made by another model than this one, as far as numbers can tell.

    `known` has the statistics of this model, and maybe of others.
    """
    rows = np.concatenate(list(names.values()))
    size = known.sizes[model]
    if rows.shape[1] != size:
        raise ValueError(f"the embeddings have {rows.shape[1]} numbers, {model}'s have {size}: another model made them")
    fits = {name: _fit(unit(rows), known.of_models([name])) for name, its in known.sizes.items() if its == size}
    farthest, likeliest = fits[model][0], max(fits, key=lambda name: fits[name][1])
    if farthest > FARTHEST or likeliest != model:
        like = "another model made them" if likeliest == model else f"they are more like {likeliest}'s"
        raise ValueError(f"the embeddings are unlike {model}'s ({farthest:.1f} times as far from their mean): {like}")


def _fit(rows: Floats, strangers: Strangers) -> tuple[float, float]:
    """Return the mean squared distance per number, in the statistics' own units, and the mean log-likelihood."""
    apart = (rows - strangers.mean).astype(np.float64)
    spread = strangers.total + 1e-3 * np.trace(strangers.total) / rows.shape[1] * np.eye(rows.shape[1])
    distance = float(np.einsum("ij,ij->i", apart, np.linalg.solve(spread, apart.T).T).mean())
    return distance / rows.shape[1], -(distance + float(np.linalg.slogdet(spread)[1])) / 2
