"""Embeddings of enrolments: read from where they are stored, or computed again from the source crops and stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from db.enrolments import Enrolment
from db.faces import FaceFolders
from db.gallery.pickles import Key
from db.kept import KeptFiles
from pipeline.types import Crop, Embedder, EnrolledFaces, Floats

_BATCH = 32  # crops a model call
_CHUNK = 1000  # enrolments stored at a time, so that a crash during a long rebuild loses little

Embeddings = Mapping[str, Floats]
"""One enrolment's embeddings, float32 (m, d) by model."""


def joined(blocks: Sequence[Embeddings]) -> EnrolledFaces:
    """Return one person's embeddings of several enrolments, which come oldest first; the arrays are read-only."""
    rows = blocks[0]  # mostly the only one: not copied
    if len(blocks) > 1:
        rows = {model: np.concatenate([block[model] for block in blocks]) for model in blocks[0]}
    for array in rows.values():
        array.flags.writeable = False
    return EnrolledFaces(rows, max((len(block) for block in blocks[0].values()), default=0))


class EmbeddingStore(Protocol):
    """Where embeddings are stored."""

    def stored(self, key: Key, wanted: Sequence[Enrolment]) -> Mapping[str, Floats]:
        """Return what is stored of these enrolments, float32 (m, d) by token; others may be among it."""

    def store(self, key: Key, computed: Mapping[str, Floats]) -> None:
        """Store these embeddings, float32 (m, d) by token."""


class EmbeddingLoader:
    """Loads the embeddings of what is enrolled in DB_PATH; `embedders` compute missing ones."""

    def __init__(self, kept: KeptFiles, embedders: Mapping[str, Embedder]) -> None:
        self._faces, self._embedders = FaceFolders(kept), dict(embedders)
        self.keys = {model: Key(model, one.version, one.size) for model, one in embedders.items()}

    def load(self, wanted: Sequence[Enrolment], store: EmbeddingStore) -> dict[str, Embeddings]:
        """Return the embeddings by token, without enrolments that have neither stored embeddings nor source crops."""
        stored = {model: dict(store.stored(key, wanted)) for model, key in self.keys.items()}
        for model, key in self.keys.items():
            missing = [one for one in wanted if len(stored[model].get(one.token, ())) != one.images]
            for start in range(0, len(missing), _CHUNK):
                computed = self.recompute(model, missing[start : start + _CHUNK])
                stored[model].update(computed)
                store.store(key, computed)
        return {
            one.token: {model: rows[one.token] for model, rows in stored.items()}
            for one in wanted
            if all(len(rows.get(one.token, ())) == one.images for rows in stored.values())
        }

    def recompute(self, model: str, missing: Iterable[Enrolment]) -> dict[str, Floats]:
        """Return one model's embeddings, float32 (m, d) by token, computed from the source crops that exist."""
        crops: list[Crop] = []
        spans: list[tuple[str, int]] = []
        blocks: list[Floats] = []
        for one in missing:
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
