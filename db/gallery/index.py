"""The gallery in memory: people and their templates, in arrays that grow cheaply and never change once given."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from pipeline.types import Counts, Floats

_NOBODY_ELSE = 2  # references that sys.getrefcount sees when only the attribute and its own argument hold the array


class Rows:
    """Rows (n, size) of float32, or of another `dtype`, that grow by doubling.

    A view shows what it showed for as long as anybody holds it: new rows go behind it, and a row is changed in place
    only while no view exists, else in a copy. Changes need the caller's lock; views do not.
    """

    def __init__(self, size: int, capacity: int = 64, dtype: npt.DTypeLike = np.float32) -> None:
        self._data: npt.NDArray[Any] = np.zeros((capacity, size), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def view(self) -> npt.NDArray[Any]:
        """Return all rows, contiguous and read-only, without copying."""
        view = self._data[: self._count]
        view.flags.writeable = False
        return view

    def append(self, row: npt.ArrayLike) -> None:
        """Add a row; costs the same whatever there is already, on the average."""
        if self._count == len(self._data):
            grown = np.zeros((2 * len(self._data), self._data.shape[1]), self._data.dtype)
            grown[: self._count] = self._data
            self._data = grown
        self._data[self._count] = row
        self._count += 1

    def replace(self, index: int, row: npt.ArrayLike) -> None:
        """Change a row."""
        self._own()
        self._data[index] = row

    def remove(self, index: int) -> None:
        """Remove a row: the last one takes its place."""
        self._own()
        self._count -= 1
        self._data[index] = self._data[self._count]

    def _own(self) -> None:
        if sys.getrefcount(self._data) > _NOBODY_ELSE:  # every view, and every view of a view, refers to its base
            self._data = self._data.copy()


class Ids(Sequence[str]):
    """The first `count` of a list that only grows: the IDs as they were when asked for.

    `at` tells where an ID stands now, so that finding one, or finding that it is not there, does not walk through a
    million. It tells the truth about then as long as nobody was removed since: `removals` grows by one each time.
    """

    def __init__(self, names: list[str], at: Mapping[str, int], removals: list[int]) -> None:
        self._names, self._count, self._at = names, len(names), at
        self._removals, self._then = removals, removals[0]

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._names[at] for at in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._names[index % self._count]

    def __iter__(self) -> Iterator[str]:
        return (self._names[at] for at in range(self._count))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._place(name) is not None

    def index(self, name: str, start: int = 0, stop: int | None = None) -> int:
        """Return where an ID stands. Raises ValueError where it is not."""
        at = self._place(name)
        if at is None or not start <= at < (self._count if stop is None else stop):
            raise ValueError(f"{name} is not in list")
        return at

    def _place(self, name: str) -> int | None:
        at = self._at.get(name)
        if at is not None and at < self._count and self._names[at] == name:
            return at
        if self._removals[0] == self._then:
            return None
        return next((place for place, one in enumerate(self) if one == name), None)


@dataclass(frozen=True, eq=False)
class MemorySnapshot:
    """The gallery at one version.

    `ids` are its P people; `templates` holds for each model float32 (P, d), rows in the order of `ids`, read-only and
    contiguous, `lengths` each template's length (P,), `counts` how many source crops are behind each (P,).
    """

    version: int
    ids: Sequence[str]
    templates: Mapping[str, Floats]
    lengths: Mapping[str, Floats]
    counts: Counts
    _people: Mapping[str, Mapping[str, Floats]]

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.ids)

    def candidates(self, probes: Mapping[str, Floats], include: str) -> MemorySnapshot:
        """Return everybody: all are in memory, and all are looked at."""
        return self

    def person(self, person_id: str) -> Mapping[str, Floats] | None:
        """Return each model's embeddings of all enrolled source crops of a person, float32 (m, d); None for nobody.

        The same crops in the same order for every model. At least as new as the snapshot.
        """
        return self._people.get(person_id)


class Index:
    """People, their embeddings, and one template a person and model. Changes need the caller's lock."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._names: list[str] = []
        self._at: dict[str, int] = {}
        self._people: dict[str, Mapping[str, Floats]] = {}
        self._templates = {model: Rows(size) for model, size in sizes.items()}
        self._lengths = {model: Rows(1) for model in sizes}
        self._counts = Rows(1, dtype=np.int64)
        self._removals = [0]

    def put(self, person_id: str, embeddings: Mapping[str, Floats], templates: Mapping[str, Floats]) -> None:
        """Add a person or give them other embeddings; each template is (d,)."""
        self._people[person_id] = embeddings
        at = self._at.get(person_id)
        count = max((len(rows) for rows in embeddings.values()), default=0)
        values: list[tuple[Rows, npt.ArrayLike]] = [(self._counts, count)]
        for model, rows in self._templates.items():
            values += [(rows, templates[model]), (self._lengths[model], np.linalg.norm(templates[model]))]
        for rows, value in values:
            if at is None:
                rows.append(value)
            else:
                rows.replace(at, value)
        if at is None:
            self._names.append(person_id)
            self._at[person_id] = len(self._names) - 1

    def drop(self, person_id: str) -> None:
        """Remove a person; nothing happens where there is none."""
        if person_id not in self._at:
            return
        self._removals[0] += 1  # first: whoever misses the ID from now on knows to look closer
        at = self._at.pop(person_id)
        del self._people[person_id]
        for rows in (self._counts, *self._templates.values(), *self._lengths.values()):
            rows.remove(at)
        names = self._names.copy()  # snapshots look at the old list
        last = names.pop()
        if last != person_id:
            names[at] = last
            self._at[last] = at
        self._names = names

    def snapshot(self, version: int) -> MemorySnapshot:
        """Return what there is now, without copying."""
        templates = {model: rows.view() for model, rows in self._templates.items()}
        lengths = {model: rows.view()[:, 0] for model, rows in self._lengths.items()}
        ids = Ids(self._names, self._at, self._removals)
        return MemorySnapshot(version, ids, templates, lengths, self._counts.view()[:, 0], self._people)
