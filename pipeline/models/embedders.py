"""Recognition models as `Embedder`s: from a row of the registry and a weight file to embeddings of crops."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.models.batching import together
from pipeline.models.dlib_network import NotDlibWeightsError, build_graph, packaged_weights
from pipeline.models.onnx_files import batched_graph
from pipeline.models.running import Faces, running
from pipeline.models.runtime import ModelUnavailable
from pipeline.models.weights import WeightStore
from pipeline.parallel import parallel_map
from pipeline.registry import ALIGNMENT_VERSION, AUGMENTATION_VERSION, MIRRORING_VERSION, ModelSpec
from pipeline.stages.align import aligned
from pipeline.stages.augment import mirror
from pipeline.types import BothSides, Crop, Floats

__all__ = ["ModelUnavailable", "NotANumberError", "load_embedder"]

_GRAPH_VERSION = "3"


class NotANumberError(ArithmeticError):
    """A model gave NaN, infinity, or an array of another shape than it should."""


@dataclass(frozen=True, eq=False)
class AlignedEmbedder:
    """Aligns crops as the model wants them and runs it once over all of them; see `Embedder`.

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


def load_embedder(spec: ModelSpec, weights: WeightStore) -> AlignedEmbedder:
    """Load a model without any network.

    Raises `ModelUnavailable`, whose text says what is missing and where to put it.
    """
    path = locate(spec, weights)
    version = embedding_version(spec, weights.sha256(path))
    if spec.source == "dlib":
        return AlignedEmbedder(spec, version, together(_dlib(path, weights)))
    if spec.source == "onnx":
        return AlignedEmbedder(spec, version, together(running(batched_graph(path.read_bytes(), spec.scaling))))
    from pipeline.models.zoo import load_network

    return AlignedEmbedder(spec, version, together(load_network(spec, path)))


def locate(spec: ModelSpec, weights: WeightStore) -> Path:
    """Return the model's weight file; Dlib's may also come from the package `face_recognition_models`."""
    found = weights.find(spec.file, spec.sha256)
    if found is None and spec.source == "dlib":
        found = packaged_weights(spec.file)
    if found is None:
        where = weights.folder / spec.file
        known = f" (SHA-256 {spec.sha256})" if spec.sha256 else ""
        source = f", from {spec.url}" if spec.url else ""
        raise ModelUnavailable(
            f"{spec.name}: weights are missing: put {spec.file}{known}{source} at {where}, or run bin/fetch-models"
        )
    return found


def embedding_version(spec: ModelSpec, sha256: str) -> str:
    """Return what the model's embeddings depend on, as 16 hex digits."""
    seen = (spec.alignment.value, spec.input_size, spec.zooms, spec.scaling.mean, spec.scaling.spread)
    parts = (spec.name, sha256, *map(str, seen), ALIGNMENT_VERSION, AUGMENTATION_VERSION, MIRRORING_VERSION)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _dlib(path: Path, weights: WeightStore) -> Callable[[Faces], Floats]:
    """Run dlib's network as a compiled graph, or in dlib itself where the file is not the one that is known."""
    cache = weights.folder / "compiled" / f"dlib-{weights.sha256(path)[:16]}-{_GRAPH_VERSION}.onnx"
    if cache.is_file():
        try:
            return running(cache)
        except ModelUnavailable:
            cache.unlink(missing_ok=True)
    try:
        graph = build_graph(path.read_bytes())
    except NotDlibWeightsError:
        return _dlib_itself(path)
    _keep(cache, graph)
    return running(graph)


def _keep(cache: Path, graph: bytes) -> None:
    """Keep the graph for the next start, where the folder can be written; another process may do the same."""
    part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(graph)
        part.replace(cache)
    except OSError:
        part.unlink(missing_ok=True)


def _dlib_itself(path: Path) -> Callable[[Faces], Floats]:
    import dlib

    try:
        network = dlib.face_recognition_model_v1(str(path))
    except RuntimeError as error:
        raise ModelUnavailable(f"Dlib: {path.name} is not a network that dlib loads: {error}") from error
    return lambda faces: np.array(network.compute_face_descriptor(list(faces)), np.float32)
