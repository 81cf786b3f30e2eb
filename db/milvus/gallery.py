"""The gallery in Milvus: the same results as the gallery in memory, without keeping anybody in memory.

Milvus finds candidates, the enrolment records in the database decide: of the people of the nearest templates, exactly
the committed enrolments are fetched, and templates are made of them by the same function as in memory. So scores are
identical to the last bit, and rows of an enrolment that is in progress, failed or was replaced never count. An
enrolment writes its rows before its commit; `recover` removes what no record lists. What Milvus has lost, or never had,
is computed again from the source crops in DB_PATH before a search returns: each search reads the marks of the
collections. What a search waits for, and what happens in each failure, is in docs/vector-store.md.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from codes_dict import Code
from db import files
from db.enrolments import Enrolment
from db.gallery.index import Index, MemorySnapshot
from db.gallery.pickles import PickleStore
from db.gallery.rebuild import Embeddings
from db.milvus.collection import MOST_HITS, Mark, purge_rows
from db.milvus.rows import CHUNK, LOCK, MilvusRows
from pipeline.types import EnrolledFaces, Floats

CANDIDATES = 64
"""Templates to find for each probe face and model."""
MOST_PEOPLE = 512
"""Most people scored in one search: those nearest to any of its faces."""

_YOUNG_S = 3600.0  # rows this young may belong to an enrolment in progress


@dataclass(frozen=True)
class _Known:
    marks: Mapping[str, Mark]
    version: int


class MilvusGallery(MilvusRows):
    """All committed enrolments, confirmed by the records. Thread-safe. Raises `Refusal(VECTORS_DOWN)`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._lock = threading.RLock()
        self._known = _Known({}, 0)
        self._people = 0, 0

    # -- reading -------------------------------------------------------------------------------------------
    def snapshot(self) -> MilvusSnapshot:
        """Return the gallery with every committed enrolment; rows that Milvus lacks are written first."""
        position = self.enrolments.position()
        self.milvus.wait_for(position.stored)
        version, known = position.version, self._known
        marks = {model: one.mark() for model, one in self.collections().items()}
        if marks != known.marks or version != known.version or self.missing:
            with self._lock:
                version = self._catch_up()
        return MilvusSnapshot(self, version)

    def _catch_up(self) -> int:
        known = self._known
        marks: Mapping[str, Mark] = {model: self.filled(model) for model in self.keys}
        self.milvus.wait_for(max(one.stored for one in marks.values()))
        is_same = {model: one.filling for model, one in marks.items()} == {
            model: one.filling for model, one in known.marks.items()
        }
        changes = self.enrolments.changes(known.version if is_same else min(one.version for one in marks.values()))
        self.milvus.wait_for(changes.stored)
        if self.complete(changes.added, changes.removed):
            marks = self._set_marks({model: replace(one, stored=self.milvus.now()) for model, one in marks.items()})
        self._known = _Known(marks, changes.version)
        return changes.version

    def _set_marks(self, marks: Mapping[str, Mark]) -> Mapping[str, Mark]:
        for model, one in self.collections().items():
            one.set_mark(marks[model])
        self.milvus.wait_for(max(one.stored for one in marks.values()))
        return marks

    def person(self, person_id: str) -> EnrolledFaces | None:
        """Return each model's embeddings of a person's enrolled source crops as of now, float32 (m, d)."""
        return self._enrolled([person_id]).get(person_id)

    def _enrolled(self, person_ids: Sequence[str]) -> dict[str, EnrolledFaces]:
        enrolled = self._records(person_ids)
        while True:
            found, is_whole = self.joined(enrolled)
            if is_whole:
                return found
            before, enrolled = enrolled, self._records(person_ids)
            if enrolled == before:
                return found  # otherwise an enrolment was replaced, and its rows removed, after its record was read

    def _records(self, person_ids: Sequence[str]) -> list[Enrolment]:
        enrolled = self.enrolments.of_people(person_ids)
        self.milvus.wait_for(self.enrolments.position().stored)  # some may be newer than the snapshot
        return enrolled

    def count(self, version: int) -> int:
        """Return how many people were enrolled at that version of the records, or are now."""
        with self._lock:
            if self._people[0] != version:
                self._people = self.enrolments.people(*self._people)
            return self._people[1]

    def candidates(self, probes: Mapping[str, Floats], include: str) -> MemorySnapshot:
        """Return whoever may be closest to one of these faces, (n, d) per model, and the ID `include`."""
        limit = CANDIDATES
        while True:
            collections = self.collections()
            rankings = [ranking for model, one in collections.items() for ranking in one.nearest(probes[model], limit)]
            people = nearest_first(rankings)[:MOST_PEOPLE]
            enrolled = self._enrolled([include, *people])
            is_cut_off = any(len(ranking) == limit for ranking in rankings)
            if limit == MOST_HITS or not is_cut_off or 2 * len(enrolled) >= len(people):
                break
            limit = min(4 * limit, MOST_HITS)  # most of the nearest rows do not count: look further
        index = Index({model: key.size for model, key in self.keys.items()})
        for person_id, embeddings in enrolled.items():
            templates = {model: self.template(rows, embeddings.first) for model, rows in embeddings.items()}
            index.put(person_id, embeddings, templates)
        return index.snapshot(self._known.version)

    # -- writing -------------------------------------------------------------------------------------------
    def add(self, enrolment: Enrolment, embeddings: Embeddings) -> int:
        """Write what an enrolment adds, (m, d) per model; it counts once the enrolment is committed.

        Returns Milvus's time: whoever reads up to then sees it.
        """
        for model, rows in embeddings.items():
            self.put(model, {enrolment.token: enrolment.id}, {enrolment.token: rows})
        return self.milvus.now()

    def remove(self, tokens: Collection[str]) -> None:
        """Remove the rows of these enrolments, which do not count."""
        for one in self.collections().values() if tokens else ():
            one.remove(tokens)

    def purge(self, tokens: Collection[str]) -> int:
        """Remove these enrolments' rows from every collection, and from files that a gallery in memory left."""
        gone = PickleStore(self.kept).purge(tokens)
        return gone + purge_rows(self.milvus, self.prefix(), tokens)

    def delete_pickles(self) -> dict[str, Code]:
        """Remove files that are left from a gallery in memory; return each file's code."""
        return PickleStore(self.kept).delete(self.keys.values())

    def rebuild(self) -> dict[str, Code]:
        """Compute everything again from the source crops, drop what does not count; return each model's code."""
        with files.locked(self.kept.root / LOCK, wait=True):
            everybody, collections = self.enrolments.changes(0), self.collections()
            for model, one in collections.items():
                for start in range(0, len(everybody.added), CHUNK):
                    self.recompute(model, everybody.added[start : start + CHUNK])
                old = one.older_than(self.clock() - _YOUNG_S)
                one.remove(set(old) - self.enrolments.active(old))
                one.set_mark(Mark(secrets.token_hex(16), everybody.version, self.milvus.now()))
                one.drop_others(self.prefix(), {each.name for each in collections.values()})
        return dict.fromkeys(collections, Code.PICKLE_REBUILT)

    def backlog(self) -> int:
        """Return how many versions the records are ahead of the marks: what a new process has to check."""
        known = self._known
        return max((known.version - one.version for one in known.marks.values()), default=0)

    def compact(self) -> bool:
        """Update the marks; False while another process fills a collection."""
        with self._lock:
            version, collections, marks = self._catch_up(), self.collections(), self._known.marks
            with files.locked(self.kept.root / LOCK) as acquired:
                if not acquired or any(one.mark(latest=True) != marks[model] for model, one in collections.items()):
                    return False
                stored = self.milvus.now()
                newer = {model: Mark(mark.filling, version, stored) for model, mark in marks.items()}
                self._known = _Known(self._set_marks(newer), version)
        return True

    def close(self) -> None:
        """Close the connection."""
        self.milvus.close()


@dataclass(frozen=True, eq=False)
class MilvusSnapshot:
    """Everybody enrolled, at `version` of the records or later; rows are fetched when they are needed."""

    gallery: MilvusGallery
    version: int

    @property
    def people(self) -> int:
        """How many people are enrolled."""
        return self.gallery.count(self.version)

    def candidates(self, probes: Mapping[str, Floats], include: str) -> MemorySnapshot:
        """Return whoever may be closest to one of these faces, (n, d) per model, and `include` where enrolled."""
        return self.gallery.candidates(probes, include)

    def person(self, person_id: str) -> EnrolledFaces | None:
        """Return each model's embeddings of all enrolled source crops of a person, float32 (m, d); None if unknown."""
        return self.gallery.person(person_id)


def nearest_first(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Merge several rankings into one without repeats, by each name's best place."""
    places = itertools.chain.from_iterable(itertools.zip_longest(*rankings))
    return list(dict.fromkeys(name for name in places if name is not None))
