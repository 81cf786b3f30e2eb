"""The gallery in memory: people and their templates, in blocks that no longer change once a snapshot shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.ports import Block
from pipeline.types import EnrolledFaces, Floats

BLOCK = 16_384
"""People per block. Changing one person copies their block, which has to stay cheap; searching takes each block at a
time, which has to stay worth it."""

_FIRST = 64  # people that the first arrays of a block have room for


class Ids(Sequence[str]):
    """The first `count` of a list that only grows: the IDs as they were when asked for.

    `at` maps each ID to its current place, so that finding one, or finding that it is absent, does not walk through a
    million. It is correct for this moment as long as nobody was removed since: `removals` grows by one each time.
    """

    def __init__(self, names: list[str], at: Mapping[str, int], removals: list[int]) -> None:
        self._names, self._count, self._at = names, len(names), at
        self._removals, self._then = removals, removals[0]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # nobody takes slices of a million
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._names[index % self._count]

    def __iter__(self) -> Iterator[str]:
        return (self._names[at] for at in range(self._count))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._place(name) is not None

    def index(self, name: str, start: int = 0, stop: int | None = None) -> int:
        """Return an ID's place. Raises ValueError where it is absent."""
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
    """The gallery at one version: `ids` are its P people, `blocks` hold their templates in the same order."""

    version: int
    ids: Sequence[str]
    blocks: Sequence[Block]
    _people: Mapping[str, EnrolledFaces]

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.ids)

    def candidates(self, probes: Mapping[str, Floats], include: str) -> MemorySnapshot:
        """Return everybody: all are in memory, and all are compared."""
        return self

    def person(self, person_id: str) -> EnrolledFaces | None:
        """Return each model's embeddings of all enrolled source crops of a person, float32 (m, d); None if unknown.

        The same crops in the same order for every model. At least as new as the snapshot.
        """
        return self._people.get(person_id)


class Index:
    """People, their embeddings, and one template per person and model. Changes need the caller's lock.

    A snapshot shows the blocks themselves. Rows are added behind those that it shows; a row that it may show is
    changed only in a copy of its block, made once between two snapshots.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = dict(sizes)
        self._names: list[str] = []
        self._at: dict[str, int] = {}
        self._people: dict[str, EnrolledFaces] = {}
        self._blocks: list[Block] = []
        self._unshown: set[int] = set()  # numbers of blocks that were made or copied since the last snapshot
        self._removals = [0]

    def put(self, person_id: str, embeddings: EnrolledFaces, templates: Mapping[str, Floats]) -> None:
        """Add a person or replace their embeddings; each template is (d,)."""
        self._people[person_id] = embeddings
        at = self._at.get(person_id, len(self._names))
        if at < len(self._names):
            self._unshare(at // BLOCK)
        else:
            self._make_room(at)
        block, row = self._blocks[at // BLOCK], at % BLOCK
        block.counts[row] = max((len(rows) for rows in embeddings.values()), default=0)
        for model in self._sizes:
            block.templates[model][row] = templates[model]
            block.lengths[model][row] = np.linalg.norm(templates[model])
        if at == len(self._names):
            self._names.append(person_id)
            self._at[person_id] = at

    def drop(self, person_id: str) -> None:
        """Remove a person, whose place the last one takes; does nothing where the ID is unknown."""
        if person_id not in self._at:
            return
        self._removals[0] += 1  # first: a reader that misses the ID from now on knows to look closer
        at, last = self._at.pop(person_id), len(self._names) - 1
        del self._people[person_id]
        for number in {at // BLOCK, last // BLOCK}:  # the last row as well: the next person to be added overwrites it
            self._unshare(number)
        names = self._names[:last]  # snapshots read the old list
        if at != last:
            names[at] = self._names[last]
            self._at[names[at]] = at
            source, target = self._blocks[last // BLOCK], self._blocks[at // BLOCK]
            for theirs, mine in zip(source.arrays(), target.arrays(), strict=True):
                mine[at % BLOCK] = theirs[last % BLOCK]
        self._names = names

    def snapshot(self, version: int) -> MemorySnapshot:
        """Return the current state, without copying."""
        self._unshown.clear()
        people = len(self._names)
        blocks = tuple(
            block.part(slice(min(BLOCK, people - number * BLOCK)))
            for number, block in enumerate(self._blocks)
            if number * BLOCK < people
        )
        for array in (array for block in blocks for array in block.arrays()):
            array.flags.writeable = False
        return MemorySnapshot(version, Ids(self._names, self._at, self._removals), blocks, self._people)

    def _make_room(self, at: int) -> None:
        number = at // BLOCK
        if number == len(self._blocks):
            self._blocks.append(_empty(self._sizes, _FIRST))
            self._unshown.add(number)
        elif at % BLOCK == len(self._blocks[number].counts):
            self._copy(number, min(BLOCK, 2 * len(self._blocks[number].counts)))

    def _unshare(self, number: int) -> None:
        if number not in self._unshown:
            self._copy(number, len(self._blocks[number].counts))

    def _copy(self, number: int, capacity: int) -> None:
        old, new = self._blocks[number], _empty(self._sizes, capacity)
        filled = min(len(old.counts), len(self._names) - number * BLOCK)
        for theirs, mine in zip(old.arrays(), new.arrays(), strict=True):
            mine[:filled] = theirs[:filled]
        self._blocks[number] = new
        self._unshown.add(number)


def _empty(sizes: Mapping[str, int], capacity: int) -> Block:
    templates = {model: np.zeros((capacity, size), np.float32) for model, size in sizes.items()}
    lengths = {model: np.zeros(capacity, np.float32) for model in sizes}
    return Block(templates, lengths, np.zeros(capacity, np.int64))
