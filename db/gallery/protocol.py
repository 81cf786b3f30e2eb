"""What enrolment and maintenance need of a gallery, wherever it keeps its embeddings."""

from collections.abc import Collection
from typing import Protocol

from db.enrolments import Enrolment
from db.gallery.rebuild import Embeddings
from pipeline.ports import Gallery


class GalleryBackend(Gallery, Protocol):
    """A gallery that can be written: `db.gallery.memory` uses memory and files, `db.milvus.gallery` uses Milvus."""

    def add(self, enrolment: Enrolment, embeddings: Embeddings) -> int:
        """Store what an enrolment adds, (m, d) per model, before its commit: it counts once committed.

        Returns up to when a reader of the store has to read to see it, for `EnrolmentRecords.next_version`.
        """

    def remove(self, tokens: Collection[str]) -> None:
        """Remove what is stored of enrolments that do not count."""

    def purge(self, tokens: Collection[str]) -> int:
        """Remove every embedding of these enrolments, of models and versions no longer in use too; return how many."""

    def backlog(self) -> int:
        """Return how much is waiting for `compact`."""

    def compact(self) -> bool:
        """Merge what is waiting; False while another process does it."""

    def close(self) -> None:
        """Close connections."""
