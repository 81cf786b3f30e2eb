"""One model's embeddings in Milvus.

The partition `people` has a row for each enrolment, the template of its faces, which is what a search compares with;
the partition `crops` has a row for each source crop, the embedding as the model returned it. A row holds the
enrolment's token and the person's ID; its key is derived from the token, so that writing it again changes nothing. The
row `filled`, the mark, says that the collection was filled, and up to which version.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from db.milvus.connection import CALL_S, EVERYTHING, Milvus, library
from pipeline.types import Floats

MOST_HITS = 16_384
"""The most rows that Milvus returns for one probe."""

_INDEX: Mapping[str, Any] = {"index_type": "HNSW", "params": {"M": 32, "efConstruction": 200}}
_BY_VALUE = ("INVERTED", "Trie")  # servers before 2.4 know only the second, Milvus Lite only the first
LOOKED_AT = 1024
"""Templates that a search in the index visits; docs/vector-store.md shows the recall with fewer."""

PEOPLE, CROPS, MARKS = "people", "crops", "_default"
_TOKENS_AT_ONCE = 100
_OTHERS_TRIES = 10
_ROWS_AT_ONCE = 500
_MARK = "filled"


@dataclass(frozen=True)
class Mark:
    """Says that a collection holds everything enrolled up to `version`; `filling` identifies the filling.

    `stored` is Milvus's time by which all of it was written.
    """

    filling: str
    version: int
    stored: int


@dataclass(frozen=True, eq=False)
class Entry:
    """What a collection holds of an enrolment: its template (d,) and its source crops' embeddings (m, d)."""

    token: str
    person: str
    template: Floats
    embeddings: Floats


class VectorCollection:
    """One model's embeddings of `size` numbers. `metric` is COSINE, or L2 if distances depend on lengths."""

    def __init__(self, milvus: Milvus, name: str, size: int, metric: str) -> None:
        self.name, self._milvus, self._size, self._metric = name, milvus, size, metric
        self._writing = threading.Lock()  # Milvus Lite takes one writer at a time
        milvus.register(self)

    def prepare(self, client: Any) -> None:
        """Create the collection if necessary and begin to load it."""
        if not client.has_collection(self.name, timeout=CALL_S):
            _unless_there([lambda: self._create(client)], lambda: client.has_collection(self.name, timeout=CALL_S))
        for partition in (PEOPLE, CROPS):
            self._make_partition(client, partition)
        for field in ("token", "person"):
            self._make_index(client, field, [{"index_type": kind} for kind in _BY_VALUE])
        self._make_index(client, "vector", [{"metric_type": self._metric, **_INDEX}])
        client.load_collection(self.name, timeout=CALL_S, _async=True)

    def wait(self, client: Any) -> None:
        """Wait until the collection is loaded."""
        client.load_collection(self.name, timeout=CALL_S)

    def _make_partition(self, client: Any, partition: str) -> None:
        def is_there() -> bool:
            return bool(client.has_partition(self.name, partition, timeout=CALL_S))

        if not is_there():
            _unless_there([lambda: client.create_partition(self.name, partition, timeout=CALL_S)], is_there)

    def _make_index(self, client: Any, field: str, kinds: Sequence[Mapping[str, Any]]) -> None:
        """Create an index of the first of these kinds that the server knows."""

        def is_there() -> bool:
            return field in client.list_indexes(self.name, timeout=CALL_S)

        def make(kind: Mapping[str, Any]) -> None:
            wanted = client.prepare_index_params()
            wanted.add_index(field, index_name=field, **kind)
            client.create_index(self.name, wanted, sync=False, timeout=CALL_S)

        if not is_there():
            _unless_there([partial(make, kind) for kind in kinds], is_there)

    def _create(self, client: Any) -> None:
        types = library().types
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", types.VARCHAR, is_primary=True, max_length=48)
        schema.add_field("token", types.VARCHAR, max_length=32)
        schema.add_field("person", types.VARCHAR, max_length=64)
        schema.add_field("number", types.INT64)
        schema.add_field("made", types.INT64)
        schema.add_field("vector", types.FLOAT_VECTOR, dim=self._size)
        client.create_collection(self.name, schema=schema, consistency_level="Strong", timeout=CALL_S)

    # -- writing -------------------------------------------------------------------------------------------
    def put(self, entries: Iterable[Entry]) -> None:
        """Write entries, the crops first: whoever a search finds is complete."""
        entries, made = list(entries), int(time.time())
        crops = [
            _row(one.token, one.person, number, made, vector)
            for one in entries
            for number, vector in enumerate(one.embeddings, start=1)
        ]
        people = [_row(one.token, one.person, 0, made, one.template) for one in entries]
        for partition, rows in ((CROPS, crops), (PEOPLE, people)):
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                self._upsert(rows[start : start + _ROWS_AT_ONCE], partition)

    def set_mark(self, mark: Mark) -> None:
        """Write the mark."""
        row = _row(mark.filling, "", mark.version, mark.stored, np.ones(self._size, np.float32))
        self._upsert([{**row, "key": _MARK}], MARKS)

    def _upsert(self, rows: list[dict[str, Any]], partition: str) -> None:
        self._ask("upsert", data=rows, partition_name=partition, lock=self._writing)

    def remove(self, tokens: Collection[str]) -> None:
        """Remove all rows of these enrolments."""
        for some in _parts(sorted(tokens)):
            self._ask("delete", filter=_among("token", some), lock=self._writing)

    def drop_others(self, prefix: str, keep: Collection[str]) -> None:
        """Drop the collections whose names begin with `prefix`, except those in `keep`."""

        def work(client: Any) -> None:
            for name in client.list_collections(timeout=CALL_S):
                if name.startswith(prefix) and name not in keep:
                    client.drop_collection(name, timeout=CALL_S)

        self._milvus.ask(work)

    # -- reading -------------------------------------------------------------------------------------------
    def mark(self, *, latest: bool = False) -> Mark | None:
        """Return the mark, `latest` as another process has just written it; None if it was never filled completely."""
        rows = self._query(f'key == "{_MARK}"', [MARKS], ["token", "number", "made"], latest=latest)
        return Mark(str(rows[0]["token"]), int(rows[0]["number"]), int(rows[0]["made"])) if rows else None

    def nearest(self, probes: Floats, limit: int) -> list[list[str]]:
        """Return for each probe, (n, d), the people of the nearest templates, nearest first, with repetitions."""

        found = self._ask(
            "search",
            data=[row.tolist() for row in probes],
            anns_field="vector",
            limit=limit,
            partition_names=[PEOPLE],
            output_fields=["person"],
            search_params={"metric_type": self._metric, "params": {"ef": max(LOOKED_AT, limit)}},
            is_read=True,
        )
        return [[str(hit["entity"]["person"]) for hit in hits] for hits in found]

    def embeddings(self, tokens: Sequence[str]) -> dict[str, Floats]:
        """Return the source crops' embeddings of these enrolments as they were written, float32 (m, d) by token."""
        found: dict[str, dict[int, Floats]] = {}
        for some in _parts(tokens):
            for row in self._query(_among("token", some), [CROPS], ["token", "number", "vector"]):
                vector = np.asarray(row["vector"], np.float32)
                found.setdefault(str(row["token"]), {})[int(row["number"])] = vector
        return {token: np.stack([rows[number] for number in sorted(rows)]) for token, rows in found.items()}

    def numbers(self, tokens: Sequence[str]) -> dict[str, set[int]]:
        """Return which rows of these enrolments exist: 0 for the template, 1 and up for the source crops."""
        found: dict[str, set[int]] = {}
        for some in _parts(tokens):
            for row in self._query(_among("token", some), [PEOPLE, CROPS], ["token", "number"]):
                found.setdefault(str(row["token"]), set()).add(int(row["number"]))
        return found

    def older_than(self, before: float) -> list[str]:
        """Return the tokens of rows written before that time, in seconds since 1970. Reads all rows."""

        def work(client: Any) -> list[str]:
            rows = client.query_iterator(
                self.name,
                batch_size=_ROWS_AT_ONCE,
                filter=f"number == 1 and made < {int(before)}",
                partition_names=[CROPS],
                output_fields=["token"],
                timeout=CALL_S,
            )
            found: list[str] = []
            while some := rows.next():
                found += [str(row["token"]) for row in some]
            rows.close()
            return found

        return self._milvus.ask(work)

    def _query(
        self, where: str, partitions: list[str], fields: list[str], *, latest: bool = False
    ) -> list[Mapping[str, Any]]:
        consistency = EVERYTHING if latest else {}
        found = self._ask(
            "query", filter=where, partition_names=partitions, output_fields=fields, is_read=not latest, **consistency
        )
        return list(found)

    def _ask(
        self, call: str, *, is_read: bool = False, lock: AbstractContextManager[Any] | None = None, **arguments: Any
    ) -> Any:
        """Return what a call of the client gives for this collection; a read waits for the horizon."""

        def work(client: Any) -> Any:
            consistency = self._milvus.consistency() if is_read else {}
            with lock or nullcontext():
                return getattr(client, call)(self.name, **arguments, **consistency, timeout=CALL_S)

        return self._milvus.ask(work)


def purge_rows(milvus: Milvus, prefix: str, tokens: Collection[str]) -> int:
    """Remove these enrolments' rows from all collections whose names begin with `prefix`; return how many.

    Asks Milvus to compact the collections, so that deleted rows leave its files as well.
    """

    def work(client: Any) -> int:
        gone = 0
        for name in client.list_collections(timeout=CALL_S):
            if not tokens or not name.startswith(prefix):
                continue
            client.load_collection(name, timeout=CALL_S)
            for some in _parts(sorted(tokens)):
                where = _among("token", some)
                gone += len(client.query(name, filter=f"{where} and number > 0", output_fields=["key"], timeout=CALL_S))
                client.delete(name, filter=where, timeout=CALL_S)
            client.flush(name, timeout=CALL_S)
            client.compact(name, timeout=CALL_S)
        return gone

    return milvus.ask(work)


def _row(token: str, person: str, number: int, made: int, vector: Floats) -> dict[str, Any]:
    key = f"{token}_{number:04}"
    return {"key": key, "token": token, "person": person, "number": number, "made": made, "vector": vector.tolist()}


def _parts(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    return (tokens[start : start + _TOKENS_AT_ONCE] for start in range(0, len(tokens), _TOKENS_AT_ONCE))


def _among(field: str, values: Iterable[str]) -> str:
    listed = ", ".join(f'"{value}"' for value in values)
    return f"{field} in [{listed}]"


def _unless_there(ways: Sequence[Callable[[], object]], is_there: Callable[[], bool]) -> None:
    """Make something in the first way that works, unless another process was faster, or is about to be."""
    failure: Exception | None = None
    for make in ways:
        try:
            make()
        except library().errors as error:
            failure = error
        else:
            return
    for _ in range(_OTHERS_TRIES):
        if is_there():
            return
        time.sleep(0.1)
    if failure is not None:
        raise failure
