"""Embeddings of enrolments: from where they are kept, else computed again from the source crops and kept there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from db.enrolments import Enrolment
from db.faces import FaceFolders
from db.gallery.pickles import Key
from pipeline.types import Crop, Embedder, Floats

_BATCH = 32  # crops a model call
_CHUNK = 1000  # enrolments kept at a time, so that a crash in a long rebuild costs little

Embeddings = Mapping[str, Floats]
"""One enrolment's embeddings, float32 (m, d) by model."""


def joined(blocks: Sequence[Embeddings]) -> dict[str, Floats]:
    """Return one person's embeddings of several enrolments, oldest first, as float32 (m, d) by model, read-only."""
    together: dict[str, Floats] = {}
    for model in blocks[0]:
        parts = [block[model] for block in blocks]
        together[model] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        together[model].flags.writeable = False
    return together


class EmbeddingStore(Protocol):
    """Where embeddings are stored."""

    def stored(self, key: Key, wanted: Sequence[Enrolment]) -> Mapping[str, Floats]:
        """Return what is stored of these enrolments, float32 (m, d) by token; others may be among it."""
        ...

    def store(self, key: Key, computed: Mapping[str, Floats]) -> None:
        """Store these embeddings, float32 (m, d) by token."""
        ...


class EmbeddingLoader:
    """Embeddings by `embedders` of what is enrolled in `root` (DB_PATH)."""

    def __init__(self, root: Path, embedders: Mapping[str, Embedder]) -> None:
        self._faces, self._embedders = FaceFolders(root), dict(embedders)
        self.keys = {model: Key(model, one.version, one.size) for model, one in embedders.items()}

    def load(self, wanted: Sequence[Enrolment], store: EmbeddingStore) -> dict[str, Embeddings]:
        """Return the embeddings by token; enrolments whose source crops are lost as well are left out."""
        stored = {model: dict(store.stored(key, wanted)) for model, key in self.keys.items()}
        for model, key in self.keys.items():
            lacking = [one for one in wanted if len(stored[model].get(one.token, ())) != one.images]
            for start in range(0, len(lacking), _CHUNK):
                computed = self.recompute(model, lacking[start : start + _CHUNK])
                stored[model].update(computed)
                store.store(key, computed)
        return {
            one.token: {model: rows[one.token] for model, rows in stored.items()}
            for one in wanted
            if all(len(rows.get(one.token, ())) == one.images for rows in stored.values())
        }

    def recompute(self, model: str, lacking: Iterable[Enrolment]) -> dict[str, Floats]:
        """Return one model's embeddings, float32 (m, d) by token, computed from the source crops that are there."""
        crops: list[Crop] = []
        spans: list[tuple[str, int]] = []
        blocks: list[Floats] = []
        for one in lacking:
            found = self._faces.crops(one)
            if found is not None and len(found) == one.images:
                crops += found
                spans.append((one.token, len(found)))
            if len(crops) >= _BATCH:
                blocks.append(self._embed(model, crops))
                crops = []
        if crops:
            blocks.append(self._embed(model, crops))
        rows = np.concatenate(blocks) if blocks else np.zeros((0, self.keys[model].size), np.float32)
        ends = np.cumsum([count for _, count in spans])
        return {token: rows[end - count : end] for (token, count), end in zip(spans, ends, strict=True)}

    def _embed(self, model: str, crops: Sequence[Crop]) -> Floats:
        rows = self._embedders[model].embed(crops)
        return self.keys[model].checked(rows, len(crops))
