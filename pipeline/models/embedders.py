"""Recognition models as `Embedder`s: from a row of the registry and a weight file to embeddings of crops."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.models.batching import RequestBatcher
from pipeline.models.dlib_network import NotDlibWeightsError, build_network
from pipeline.models.keras_network import kept_file
from pipeline.models.onnx_files import image_network
from pipeline.models.runtime import FLOAT32, ModelUnavailable, OpenVinoRunner, Runner, in_parts, recognition_precision
from pipeline.models.weights import WeightStore
from pipeline.parallel import parallel_map
from pipeline.registry import ALIGNMENT_VERSION, MIRRORING_VERSION, ModelSpec, other_precision
from pipeline.stages.align import aligned
from pipeline.stages.augment import mirror
from pipeline.types import BothSides, Crop, Floats

__all__ = ["ModelUnavailable", "NotANumberError", "load_embedder"]

_FACES_AT_ONCE = 8
"""More take the memory of so many activations, and no less time for each."""

Faces = npt.NDArray[np.uint8]
"""Aligned faces of one size: uint8 RGB, (n, height, width, 3)."""


class NotANumberError(ArithmeticError):
    """A model gave NaN, infinity, or an array of another shape than it should."""


@dataclass(frozen=True, eq=False)
class AlignedEmbedder:
    """Aligns crops as the model requires and runs it once over all of them; see `Embedder`.

    Each caller's thread aligns its own crops; only `run` is shared.
    """

    spec: ModelSpec
    version: str
    run: Callable[[Faces], Floats]

    @property
    def name(self) -> str:
        """The registry's name of the model."""
        return self.spec.name

    @property
    def size(self) -> int:
        """Length of an embedding."""
        return self.spec.embedding_size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return `BothSides.mean`; raises as `one_side` does."""
        return self.both_sides(crops).mean

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Embed the crops and their mirror images in one call; raises as `one_side` does."""
        vectors = self.one_side([*crops, *parallel_map(mirror, crops)])
        return BothSides(vectors[: len(crops)], vectors[len(crops) :])

    def one_side(self, crops: Sequence[Crop]) -> Floats:
        """Embed the crops as they are; raises `NotANumberError` where the model's answer is not usable."""
        if not crops:
            return np.empty((0, self.size), np.float32)
        embeddings = self.run(np.stack(parallel_map(partial(aligned, spec=self.spec), crops)))
        if embeddings.shape != (len(crops), self.size) or not np.isfinite(embeddings).all():
            raise NotANumberError(f"{self.name} gave no finite array of {(len(crops), self.size)}")
        return embeddings.astype(np.float32, copy=False)


def load_embedder(spec: ModelSpec, weights: WeightStore, precision: str | None = None) -> AlignedEmbedder:
    """Load a model without any network, by default in the precision that suits the processor.

    Raises `ModelUnavailable`, whose text says what is missing and where to put it.
    """
    precision = precision or recognition_precision()
    path = locate(spec, weights)
    run = RequestBatcher(in_parts(_runner(spec, path, weights, precision), _FACES_AT_ONCE), name=spec.name)
    version = embedding_version(spec, weights.sha256(path), precision)
    return AlignedEmbedder(spec, version, lambda faces: run([faces])[0])


def locate(spec: ModelSpec, weights: WeightStore) -> Path:
    """Return the model's weights; raises `ModelUnavailable` with what to put where."""
    found = weights.locate(spec)
    if found is None:
        where = weights.folder / spec.file
        known = f" (SHA-256 {spec.sha256})" if spec.sha256 else ""
        source = f", from {spec.url}" if spec.url else ""
        raise ModelUnavailable(
            f"{spec.name}: weights are missing: put {spec.file}{known}{source} at {where}, or run bin/fetch-models"
        )
    return found


def embedding_version(spec: ModelSpec, sha256: str, precision: str = FLOAT32) -> str:
    """Return what the model's embeddings depend on, as 16 hex digits; see `pipeline.registry.other_precision`."""
    seen = (spec.alignment.value, spec.input_size, spec.zooms, spec.scaling.mean, spec.scaling.spread)
    # "g1" means nothing any more: it keeps the versions under which embeddings are stored.
    parts = (spec.name, sha256, *map(str, seen), ALIGNMENT_VERSION, "g1", MIRRORING_VERSION)
    version = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
    return version if precision == FLOAT32 else other_precision(version)


def _runner(spec: ModelSpec, path: Path, weights: WeightStore, precision: str) -> Runner:
    if spec.source == "dlib":
        return _dlib(path, precision)
    if spec.source == "onnx":
        return OpenVinoRunner(image_network(path, spec.scaling), precision)
    from pipeline.models.zoo import load_network

    kept = kept_file(weights.folder / "compiled", spec.name.lower(), weights.sha256(path))
    return load_network(spec, path, kept, precision)


def _dlib(path: Path, precision: str) -> Runner:
    """Run dlib's network in OpenVINO, or in dlib itself where the file is not the one that is known."""
    with suppress(NotDlibWeightsError):
        return OpenVinoRunner(build_network(path.read_bytes()), precision)
    import dlib

    try:
        network = dlib.face_recognition_model_v1(str(path))
    except RuntimeError as error:
        raise ModelUnavailable(f"Dlib: {path.name} is not a network that dlib loads: {error}") from error
    return lambda inputs: [np.array(network.compute_face_descriptor(list(inputs[0])), np.float32)]
