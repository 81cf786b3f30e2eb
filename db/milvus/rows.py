"""The rows of the enrolments in Milvus, by model; missing ones are computed from the source crops in DB_PATH."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from db import files
from db.enrolments import Enrolment, EnrolmentRecords
from db.faces import FaceFolders
from db.gallery.pickles import Key
from db.gallery.rebuild import EmbeddingLoader, Embeddings, joined
from db.kept import KeptFiles
from db.milvus.collection import Entry, Mark, VectorCollection
from db.milvus.connection import Milvus
from pipeline.types import Embedder, EnrolledFaces, Floats

log = logging.getLogger(__name__)

LOCK = ".vectors.lock"
"""Lock file in DB_PATH of the process that fills or rebuilds a collection."""

CHUNK = 200
"""Enrolments put at a time while a collection is filled, so that a crash there costs little."""

_RETRIES = 100  # enrolments without source crops that are tried again at once


@dataclass(eq=False)
class MilvusRows:
    """The rows of every model. `missing` holds the enrolments that have neither rows nor source crops, by token.

    `template` makes one (d,) template from a person's (m, d) embeddings of a model, of which it is told how many are of
    the first enrolment. `by_length` says that distances depend on embeddings' lengths.
    """

    kept: KeptFiles
    enrolments: EnrolmentRecords
    embedders: Mapping[str, Embedder]
    template: Callable[[Floats, int], Floats]
    milvus: Milvus
    _: KW_ONLY
    by_length: bool = False
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._loader, self._faces = EmbeddingLoader(self.kept, self.embedders), FaceFolders(self.kept)
        self.keys = self._loader.keys
        self.missing: dict[str, Enrolment] = {}
        self._collections: dict[str, VectorCollection] = {}

    def collections(self) -> dict[str, VectorCollection]:
        """Return each model's collection. Raises `Refusal(Code.DB_DOWN)`: the names contain the database's number."""
        if not self._collections:
            metric = "L2" if self.by_length else "COSINE"
            self._collections = {
                model: VectorCollection(self.milvus, self._name(key), key.size, metric)
                for model, key in self.keys.items()
            }
        return self._collections

    def prefix(self) -> str:
        """Return the prefix of the names of this installation's collections."""
        return f"faceapp_{self.enrolments.installation():x}_"

    def _name(self, key: Key) -> str:
        ending = "_by_length" if self.by_length else ""
        return f"{self.prefix()}{key.model.replace('-', '_')}_{key.version}{ending}"

    def joined(self, enrolled: Sequence[Enrolment]) -> tuple[dict[str, EnrolledFaces], bool]:
        """Return each person's embeddings of these enrolments, float32 (m, d) by model, oldest first.

        And whether all are complete: some may have neither rows nor source crops.
        """
        complete = self._loader.load(enrolled, _Stored(self, enrolled))
        blocks: dict[str, list[Embeddings]] = {}
        for one in enrolled:
            if one.token in complete:
                blocks.setdefault(one.id, []).append(complete[one.token])
        return {person_id: joined(parts) for person_id, parts in blocks.items()}, len(complete) == len(enrolled)

    def put(self, model: str, owners: Mapping[str, str], embeddings: Mapping[str, Floats]) -> None:
        """Write embeddings, (m, d) by token, replacing existing ones; `owners` holds each token's ID."""
        checked = {token: self.keys[model].checked(rows, len(rows)) for token, rows in embeddings.items()}
        entries = [Entry(token, owners[token], self.template(rows, len(rows)), rows) for token, rows in checked.items()]
        self.collections()[model].put(entries)

    def recompute(self, model: str, enrolled: Sequence[Enrolment]) -> set[str]:
        """Compute embeddings from the source crops and write them; return the tokens whose crops exist."""
        computed = self._loader.recompute(model, enrolled) if enrolled else {}
        self.put_again(model, {one.token: one.id for one in enrolled}, computed)
        return set(computed)

    def put_again(self, model: str, owners: Mapping[str, str], embeddings: Mapping[str, Floats]) -> None:
        """Write embeddings of committed enrolments; not of people who were forgotten while they were computed."""
        self.put(model, owners, embeddings)
        gone = set(embeddings) - self.enrolments.active(list(embeddings))
        if gone:
            self.collections()[model].remove(gone)

    def complete(self, enrolled: Sequence[Enrolment], removed: frozenset[str]) -> bool:
        """Write the missing rows of these enrolments, and of those that were missing before; tell whether any were."""
        for token in removed:
            self.missing.pop(token, None)
        retried = [one for one in list(self.missing.values())[:_RETRIES] if self._faces.has_crops(one)]
        has_written = [self._complete(model, [*enrolled, *retried]) for model in self.keys]
        return any(has_written)

    def _complete(self, model: str, enrolled: Sequence[Enrolment]) -> bool:
        has_written = False
        for start in range(0, len(enrolled), CHUNK):
            some = enrolled[start : start + CHUNK]
            existing = self.collections()[model].numbers([one.token for one in some])
            incomplete = [one for one in some if existing.get(one.token) != set(range(one.images + 1))]
            written = self.recompute(model, incomplete)
            has_written |= bool(written)
            for one in incomplete:
                if one.token in written:
                    self.missing.pop(one.token, None)
                elif one.token not in self.missing:
                    log.warning("enrolment %s has no embeddings and no source crops", one.token)
                    self.missing[one.token] = one
        return has_written

    def filled(self, model: str) -> Mark:
        """Return the collection's mark, after filling the collection if it has none."""
        collection = self.collections()[model]
        mark = collection.mark()
        if mark is not None:
            return mark
        with files.locked(self.kept.root / LOCK, wait=True):
            mark = collection.mark(latest=True)
            if mark is None:  # otherwise another process has filled it in the meantime
                everybody = self.enrolments.changes(0)
                log.info("filling %s with %d enrolments", collection.name, len(everybody.added))
                self._complete(model, everybody.added)
                mark = Mark(secrets.token_hex(16), everybody.version, self.milvus.now())
                collection.set_mark(mark)
            return mark


@dataclass(frozen=True, eq=False)
class _Stored:
    """The rows of some enrolments, as the `EmbeddingStore` of a loader."""

    rows: MilvusRows
    enrolled: Sequence[Enrolment]

    def stored(self, key: Key, wanted: Sequence[Enrolment]) -> dict[str, Floats]:
        return self.rows.collections()[key.model].embeddings([one.token for one in wanted])

    def store(self, key: Key, computed: Mapping[str, Floats]) -> None:
        self.rows.put_again(key.model, {one.token: one.id for one in self.enrolled}, computed)
