"""What both commands use: the data, the models and the faces, from the command line's arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import click

from env_validator import SettingsFault, load_settings
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.runtime import BFLOAT16, FLOAT32
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.scoring import CalibrationFault
from pipeline.types import Detector, Embedder
from tools.cli.options import FILE, ROOT, weights_option
from tools.evaluation.faces import EmbeddingCache, Faces, embed_dataset
from tools.evaluation.layout import Dataset, LayoutError, read_people

Work = TypeVar("Work", bound=Callable[..., Any])

FAULTS = (LayoutError, CalibrationFault, ModelUnavailable, ValueError)
"""Errors that end a command with one sentence."""


@dataclass(frozen=True, eq=False)
class Workbench:
    """The people, their faces, and the models that looked at them."""

    data: Dataset
    faces: Faces
    embedders: dict[str, Embedder]
    weights: WeightStore

    @property
    def versions(self) -> dict[str, str]:
        """Each model's version."""
        return {name: embedder.version for name, embedder in self.embedders.items()}


def common_options(models: str = "Dlib,MobileFaceNet,SFace", *, needs_folder: bool = True) -> Callable[[Work], Work]:
    """Add the arguments that say what is measured, for `prepare`."""
    added = (
        click.argument("folder", type=FILE, required=needs_folder),
        click.option("--models", default=models, help="Recognition models, separated by commas."),
        click.option("--num-aug", type=click.IntRange(min=0), default=4, help="Augmentations of the second look."),
        click.option("--precision", type=click.Choice([FLOAT32, BFLOAT16]), help="(default: the server's own)"),
        click.option("--cache", type=FILE, metavar="DIR", help="Store embeddings here, for the next run."),
        weights_option,
        click.option("--mirror", metavar="DIR", help="Another folder to search for weights (default: .env's)."),
        click.option("--seed", default=1, help="Seed of all random choices."),
    )

    def decorate(work: Work) -> Work:
        for one in reversed(added):
            work = one(work)
        return work

    return decorate


def selected(text: str) -> list[str]:
    """Return the models named in a list by comma. Raises `ValueError` for one that is not in the registry."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in REGISTRY]
    if unknown or not names or len(set(names)) < len(names):
        known = ", ".join(REGISTRY)
        raise ValueError(f"--models takes each of these at most once: {known}.")
    return names


def prepare(arguments: SimpleNamespace, narrow: Callable[[Dataset], Dataset] = lambda data: data) -> Workbench:
    """Read the folder, load the models and embed every face; `narrow` may leave photos out.

    Raises one of `FAULTS`.
    """
    names = selected(arguments.models)
    data = narrow(read_people(arguments.folder))
    weights = WeightStore(arguments.weights, arguments.mirror or _mirror_of_settings())
    embedders: dict[str, Embedder] = {
        name: load_embedder(REGISTRY[name], weights, arguments.precision) for name in names
    }
    cache = EmbeddingCache(arguments.cache, {name: one.version for name, one in embedders.items()}, arguments.num_aug)
    faces = embed_dataset(data, load_detector, embedders, arguments.num_aug, cache)
    if not len(faces.rows):
        raise LayoutError(f"No face was found in any photo of {data.name}.")
    return Workbench(data, faces, embedders, weights)


def _mirror_of_settings() -> str | None:
    """Return the MODEL_MIRROR of the server's .env; None without valid settings, which a command does not need."""
    try:
        return load_settings(ROOT / ".env").model_mirror or None
    except SettingsFault:
        return None


def load_detector() -> Detector:
    """Load the product's detector."""
    from pipeline.models.mtcnn import MtcnnDetector

    return MtcnnDetector()


def rates_of(text: str) -> Sequence[float]:
    """Return the rates of a list by comma, highest first. Raises `ValueError` where one is not between 0 and 1."""
    try:
        rates = sorted({float(one) for one in text.split(",")}, reverse=True)
    except ValueError as error:
        raise ValueError("Rates are numbers by comma, such as 1e-2,1e-3.") from error
    if not all(0.0 < rate < 1.0 for rate in rates):
        raise ValueError("A rate is above 0 and below 1.")
    return rates
