"""What the enroller and the upkeep ask of a gallery, wherever it keeps its embeddings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from codes_dict import Code
from db.enrolments import Enrolment
from db.gallery.rebuild import Embeddings
from pipeline.ports import Snapshot


class Shelf(Protocol):
    """A gallery: `db.gallery.memory` keeps it in memory and in files, `db.milvus.gallery` in Milvus."""

    def snapshot(self) -> Snapshot:
        """Return the gallery with every committed enrolment in it."""
        ...

    def add_segment(self, ours: Enrolment, embeddings: Embeddings) -> None:
        """Keep what an enrolment adds, (m, d) a model, before its commit: it counts from the commit on."""
        ...

    def remove_segments(self, tokens: Collection[str]) -> None:
        """Let go of what is kept of enrolments that do not count."""
        ...

    def delete_pickles(self) -> Mapping[str, Code]:
        """Remove gallery files; each file's code."""
        ...

    def rebuild(self) -> Mapping[str, Code]:
        """Compute every embedding again from the source crops; each model's code."""
        ...

    def segments(self) -> int:
        """Return how much waits for `compact`."""
        ...

    def compact(self) -> bool:
        """Tidy up; False where another process is at it."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
