"""What both commands use: the data, the models and the faces, from the command line's arguments."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.models import WEIGHTS
from env_validator import SettingsFault, load_settings
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.runtime import BFLOAT16, FLOAT32
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.scoring import CalibrationFault
from pipeline.types import Detector, Embedder
from tools.evaluation.faces import EmbeddingCache, Faces, embed_dataset
from tools.evaluation.layout import Dataset, LayoutError, read_people

ROOT = Path(__file__).resolve().parent.parent.parent

FAULTS = (LayoutError, CalibrationFault, ModelUnavailable, ValueError)
"""Errors that end a command with one sentence."""


@dataclass(frozen=True, eq=False)
class Workbench:
    """The people, their faces, and the models that looked at them."""

    data: Dataset
    faces: Faces
    embedders: dict[str, Embedder]
    weights: WeightStore
    detector: Callable[[], Detector]

    @property
    def versions(self) -> dict[str, str]:
        """Each model's version."""
        return {name: embedder.version for name, embedder in self.embedders.items()}


def add_common(parser: ArgumentParser) -> None:
    """Add the arguments that say what is measured."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="FOLDER/PERSON/PHOTO.jpg or FOLDER/images/PERSON/..."
    )
    parser.add_argument(
        "--models", default="Dlib,MobileFaceNet,SFace", help="recognition models, by comma (default: %(default)s)"
    )
    parser.add_argument(
        "--num-aug", type=int, default=4, help="augmentations of the second look (default: %(default)s)"
    )
    parser.add_argument(
        "--precision", choices=(FLOAT32, BFLOAT16), help="precision of the models (default: what the server would use)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="store embeddings here, for the next run")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, metavar="DIR", help="folder of the models' weights")
    parser.add_argument("--mirror", metavar="DIR", help="another folder to search for weights (default: .env's)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random choices (default: %(default)s)")


def selected(text: str) -> list[str]:
    """Return the models named in a list by comma. Raises `ValueError` for one that is not in the registry."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in REGISTRY]
    if unknown or not names or len(set(names)) < len(names):
        known = ", ".join(REGISTRY)
        raise ValueError(f"--models takes each of these at most once: {known}.")
    return names


def prepare(arguments: Namespace, narrow: Callable[[Dataset], Dataset] = lambda data: data) -> Workbench:
    """Read the folder, load the models and embed every face; `narrow` may leave photos out.

    Raises one of `FAULTS`.
    """
    names = selected(arguments.models)
    if arguments.num_aug < 0:
        raise ValueError("--num-aug is 0 or more.")
    data = narrow(read_people(arguments.folder))
    weights = WeightStore(arguments.weights, arguments.mirror or _mirror_of_settings())
    embedders: dict[str, Embedder] = {
        name: load_embedder(REGISTRY[name], weights, arguments.precision) for name in names
    }
    cache = EmbeddingCache(arguments.cache, {name: one.version for name, one in embedders.items()}, arguments.num_aug)
    faces = embed_dataset(data, load_detector, embedders, arguments.num_aug, cache)
    if not len(faces.rows):
        raise LayoutError(f"No face was found in any photo of {data.name}.")
    return Workbench(data, faces, embedders, weights, load_detector)


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
