"""The gallery in memory: every enrolled source crop's embeddings, computed once, stored in pickles, searched here."""

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from codes_dict import Code, Refusal
from db import files
from db.enrolments import Changes, Enrolment, EnrolmentRecords
from db.faces import FaceFolders
from db.gallery.index import Index, MemorySnapshot
from db.gallery.pickles import LOCK, Key, PickleStore
from db.gallery.rebuild import EmbeddingLoader, Embeddings, joined
from db.kept import KeptFiles
from pipeline.types import Embedder, Floats

log = logging.getLogger(__name__)

_MANY = 200  # enrolments from which on reading every file is cheaper than asking for each
_RETRIES = 100  # enrolments without source crops that a snapshot looks for again
_HANDED = 256  # enrolments of this process whose embeddings wait in memory; older ones are read from their files
_YOUNG_S = 3600.0  # a segment this young may belong to an enrolment in progress


class MemoryGallery:
    """All committed enrolments, from every process, in DB_PATH and in memory. Thread-safe.

    An enrolment hands its embeddings to `add`, which writes their files for every process and keeps them here. They
    enter the index when its version of the records reaches the enrolment's commit: from memory in the process that
    enrolled, from the files in all others.

    `template` makes one (d,) template from a person's (m, d) embeddings of a model, of which it is told how many are of
    the first enrolment; `clock` is in seconds since 1970.
    """

    def __init__(
        self,
        kept: KeptFiles,
        enrolments: EnrolmentRecords,
        embedders: Mapping[str, Embedder],
        template: Callable[[Floats, int], Floats],
        *,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root, self._enrolments, self._template = kept.root, enrolments, template
        self._loader = EmbeddingLoader(kept, embedders)
        self._keys = self._loader.keys
        self._faces, self._pickles = FaceFolders(kept), PickleStore(kept)
        self._token, self._clock = token, clock
        self._lock = threading.RLock()
        self._handed: OrderedDict[str, Embeddings] = OrderedDict()
        self._forget()

    def _forget(self) -> None:
        self._index = Index({model: key.size for model, key in self._keys.items()})
        self._version = 0
        self._current: MemorySnapshot | None = None
        self._tokens: dict[str, dict[str, Embeddings]] = {}  # of each person, oldest first
        self._owner: dict[str, str] = {}
        self._missing: dict[str, Enrolment] = {}
        self._bases: dict[str, tuple[int, int] | None] = {}

    # -- reading -------------------------------------------------------------------------------------------
    def snapshot(self) -> MemorySnapshot:
        """Return the gallery with every enrolment committed before this call, by whichever process.

        Costs one small query where nothing changed. Raises `Refusal(Code.DB_DOWN)`; what a model raises while missing
        embeddings are computed again goes through.
        """
        version = self._enrolments.version()
        current = self._current
        if current is not None and current.version == version and not self._missing:
            return current
        with self._lock:
            return self._refresh()

    def _refresh(self) -> MemorySnapshot:
        changes = self._enrolments.changes(self._version)
        if changes.version < self._version:
            log.warning("the gallery's version went back: reading everything again")
            self._forget()
        retried = [one for one in list(self._missing.values())[:_RETRIES] if self._faces.has_crops(one)]
        new = [*(one for one in changes.added if one.token not in self._owner), *retried]
        found = self._embeddings(new)
        if self._current is None or self._current.version != changes.version or found:
            try:
                self._apply(changes, new, found)
            except BaseException:
                self._forget()  # half of a change is none: the next snapshot starts from nothing
                raise
            self._version = changes.version
            self._current = self._index.snapshot(changes.version)
        return self._current

    def _embeddings(self, wanted: Sequence[Enrolment]) -> dict[str, Embeddings]:
        """Return embeddings by token, from memory where this process enrolled; what nothing gives is left out."""
        complete = {one.token: dict.fromkeys(self._keys, one.images) for one in wanted}
        handed = {
            token: rows
            for token, rows in ((token, self._handed.pop(token, {})) for token in complete)
            if {model: len(block) for model, block in rows.items()} == complete[token]
        }
        return {**self._loader.load([one for one in wanted if one.token not in handed], self), **handed}

    def _apply(self, changes: Changes, new: Sequence[Enrolment], found: Mapping[str, Embeddings]) -> None:
        touched: set[str] = set()
        for token in changes.removed:
            self._missing.pop(token, None)
            owner = self._owner.pop(token, None)
            if owner is not None:
                del self._tokens[owner][token]
                touched.add(owner)
        for one in new:
            if one.token in changes.removed:
                continue
            if one.token not in found:
                log.warning("enrolment %s has no embeddings and no source crops", one.token)
                self._missing[one.token] = one
                continue
            is_late = self._missing.pop(one.token, None) is not None
            self._owner[one.token] = one.id
            self._tokens.setdefault(one.id, {})[one.token] = found[one.token]
            if is_late:
                self._sort(one.id)
            touched.add(one.id)
        for person_id in sorted(touched):
            self._put(person_id)

    def _sort(self, person_id: str) -> None:
        """Sort a person's enrolments, oldest first, after one was found late: faces and the template go by it."""
        order = {one.token: at for at, one in enumerate(self._enrolments.of_people([person_id]))}
        blocks = self._tokens[person_id].items()
        self._tokens[person_id] = dict(sorted(blocks, key=lambda one: order.get(one[0], len(order))))

    def _put(self, person_id: str) -> None:
        blocks = self._tokens[person_id]
        if not blocks:
            del self._tokens[person_id]
            self._index.drop(person_id)
            return
        rows = joined(list(blocks.values()))
        templates = {model: self._template(block, rows.first) for model, block in rows.items()}
        self._index.put(person_id, rows, templates)

    # -- files, as the loader reads and writes them -------------------------------------------
    def stored(self, key: Key, wanted: Sequence[Enrolment]) -> dict[str, Floats]:
        """Return what the files hold of these enrolments, float32 (m, d) by token, and maybe more."""
        if len(wanted) > _MANY:
            self._bases[key.model] = self._pickles.state(key)
            return self._pickles.read_all(key)
        rows: dict[str, Floats] = {}
        for one in wanted:
            rows.update(self._pickles.read(key.segment(one.token), key) or {})
        base = self._pickles.state(key)
        if any(one.token not in rows for one in wanted) and base != self._bases.get(key.model):
            rows = self._pickles.read_all(key)
            self._bases[key.model] = base
        return rows

    def store(self, key: Key, computed: Mapping[str, Floats]) -> None:
        """Write computed embeddings, float32 (m, d) by token; write failures are logged and ignored.

        Whoever was forgotten while they were computed is not in the files that this leaves. Raises `Refusal(DB_DOWN)`.
        """
        if not computed:
            return
        name = key.segment(next(iter(computed)) if len(computed) == 1 else self._token())
        try:
            self._pickles.write(name, key, computed)
        except Refusal as refusal:  # derived data: the search works without the file
            log.warning("gallery file %s not written: %s", name, refusal.detail)
        gone = set(computed) - self._enrolments.active(list(computed))
        if gone:
            self.purge(gone)

    # -- writing -------------------------------------------------------------------------------------------
    def add(self, enrolment: Enrolment, embeddings: Embeddings) -> int:
        """Take over what an enrolment adds, (m, d) per model, before its commit: it counts once committed.

        Returns 0: files can be read as soon as they are written. Raises `Refusal(Code.NO_SPACE)`.
        """
        checked = {model: self._keys[model].checked(rows, len(rows)) for model, rows in embeddings.items()}
        if checked:
            self._pickles.write_segments(enrolment.token, {self._keys[model]: rows for model, rows in checked.items()})
        self._handed[enrolment.token] = checked
        while len(self._handed) > _HANDED:
            self._handed.popitem(last=False)
        return 0

    def remove(self, tokens: Collection[str]) -> None:
        """Remove what is stored of these enrolments, except what compaction has merged."""
        for token in tokens:
            self._handed.pop(token, None)
        for named in self._pickles.named() if tokens else ():
            if named.token in tokens:
                files.remove(named.path)

    def purge(self, tokens: Collection[str]) -> int:
        """Remove the embeddings of these enrolments from every file, of every model; return how many.

        Raises `Refusal(Code.NO_SPACE)`.
        """
        for token in tokens:
            self._handed.pop(token, None)
        with files.locked(self._root / LOCK, wait=True):
            return self._pickles.purge(tokens)

    def delete_pickles(self) -> dict[str, Code]:
        """Remove all gallery files; each file's code. Hides nobody: they are computed again from the source crops."""
        return self._pickles.delete(self._keys.values())

    def rebuild(self) -> dict[str, Code]:
        """Compute every embedding again from the source crops; each model's code.

        Also removes the files of other models and versions. Raises `Refusal(Code.NO_SPACE)`.
        """
        with files.locked(self._root / LOCK, wait=True):
            old = self._pickles.named()
            everybody = self._enrolments.changes(0).added
            for model, key in self._keys.items():
                self._pickles.write(key.base, key, self._loader.recompute(model, everybody))
            bases = {key.base for key in self._keys.values()}
            for named in old:
                if named.path.name not in bases:
                    files.remove(named.path)
        with self._lock:
            self._forget()
        return dict.fromkeys(self._keys, Code.PICKLE_REBUILT)

    def backlog(self) -> int:
        """Return how many files are waiting for compaction."""
        return sum(named.token is not None for key in self._keys.values() for named in self._pickles.named(key))

    def close(self) -> None:
        """Do nothing: no connection or file stays open."""

    def compact(self) -> bool:
        """Merge all segments into one file per model, without removed enrolments; False if another process does it."""
        with files.locked(self._root / LOCK) as acquired:
            if not acquired:
                return False
            segments = {model: self._segments(key) for model, key in self._keys.items()}
            tokens = {token for some in segments.values() for _, inside in some for token in inside}
            known = self._enrolments.known(sorted(tokens))  # before `current`: what is known and valid is in that
            current = {one.token for one in self._enrolments.changes(0).added}
            for model, key in self._keys.items():
                rows = self._pickles.read_all(key)
                self._pickles.write(key.base, key, {token: block for token, block in rows.items() if token in current})
                for path, inside in segments[model]:
                    if known.issuperset(inside) or files.is_older(path, self._clock() - _YOUNG_S):
                        files.remove(path)
            return True

    def _segments(self, key: Key) -> list[tuple[Path, list[str]]]:
        """Return the files that wait for compaction, each with the tokens in it."""
        found = [one.path for one in self._pickles.named(key) if one.token is not None]
        return [(path, list(self._pickles.read(path.name, key) or ())) for path in found]
