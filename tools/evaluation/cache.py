"""Embeddings that are kept between runs, one file per model's version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.types import Floats


class EmbeddingCache:
    """Embeddings of a face and its augmentations, float32 (1 + augmentations, d) per model, by the photo's SHA-256.

    With a `folder` they are kept in `VERSION-AUGMENTATIONS.npz` per model version; without one only in memory. A photo
    without a face is known by an empty array.
    """

    def __init__(self, folder: Path | None, versions: Mapping[str, str], num_aug: int) -> None:
        self._files: dict[str, Path] = {}
        self._known: dict[str, dict[str, Floats]] = {name: {} for name in versions}
        for name, version in versions.items():
            if folder is None:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            self._files[name] = folder / f"{version}-{num_aug}.npz"
            self._known[name] = _read(self._files[name])

    def has(self, digest: str) -> bool:
        """Whether the photo was embedded before by every model."""
        return all(digest in known for known in self._known.values())

    def get(self, digest: str) -> dict[str, Floats]:
        """Return the photo's embeddings per model; empty where it has no face. Raises `KeyError` where not known."""
        found = {name: known[digest] for name, known in self._known.items()}
        return found if all(values.size for values in found.values()) else {}

    def put(self, digest: str, embeddings: Mapping[str, Floats]) -> None:
        """Remember a photo's embeddings per model; an empty mapping says that it has no face."""
        for name, known in self._known.items():
            known[digest] = embeddings.get(name, np.zeros((0, 0), np.float32))

    def save(self) -> None:
        """Write what is known, where there is a folder; a file is replaced as a whole."""
        for name, path in self._files.items():
            known = self._known[name]
            faces = [digest for digest, values in known.items() if values.size]
            stacked = np.stack([known[one] for one in faces]) if faces else np.zeros((0, 0, 0), np.float32)
            without = [digest for digest, values in known.items() if not values.size]
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            with part.open("wb") as file:
                np.savez(file, digests=np.array(faces, "U64"), values=stacked, without=np.array(without, "U64"))
            part.replace(path)


def _read(path: Path) -> dict[str, Floats]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        known = dict(zip(stored["digests"].tolist(), stored["values"], strict=True))
        known.update({one: np.zeros((0, 0), np.float32) for one in stored["without"].tolist()})
    return known
