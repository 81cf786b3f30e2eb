"""Forgotten: rows leave Milvus at once, its segments once they are compacted, its log of writes when that expires."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import methodcaller
from pathlib import Path

import numpy as np
import pytest

from db.milvus.gallery import MilvusGallery
from pipeline.types import Crop, Floats
from tests.db_house import BLUE, RED, House, Where
from tests.fakes import ColourEmbedder, face_of
from tools.installation.milvus_server import MilvusServer

PATIENCE_S = 300
SEGMENTS, LOG_OF_WRITES = "insert_log", "rocksmq"
"""Folders of Milvus's data."""


class Noise(ColourEmbedder):
    """A model whose embeddings are long and incompressible: in a file they are found as they are."""

    name, version, size = "Noise", "c" * 16, 128

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return numbers drawn for each colour."""
        seeds = [int(crop.pixels.reshape(-1, 3)[0] @ (1, 256, 65_536)) for crop in crops]
        return np.stack([np.random.default_rng(seed).normal(size=self.size) for seed in seeds]).astype(np.float32)


class LaterNoise(Noise):
    """Another version of it, with a collection of its own."""

    version = "d" * 16


@pytest.fixture
def house(tmp_path: Path, real_milvus: MilvusServer) -> Iterator[House]:
    """Return a process whose gallery is in a Milvus server."""
    where = Where(f"sqlite:///{tmp_path / 'faceapp.sqlite'}", milvus=real_milvus.uri)
    made = House(where, tmp_path, embedders=[Noise()])
    yield made
    made.shelf.close()
    made.database.dispose()


class Stored:
    """What a Milvus server holds of an installation."""

    def __init__(self, house: House, server: MilvusServer) -> None:
        assert isinstance(house.shelf, MilvusGallery)
        self._prefix, self._milvus, self._server = house.shelf.prefix(), house.shelf.milvus, server

    def collections(self) -> list[str]:
        """Return their names."""
        names = self._milvus.ask(methodcaller("list_collections"))
        return [name for name in names if name.startswith(self._prefix)]

    def flush(self) -> None:
        """Have all rows written to segments."""
        for name in self.collections():
            self._milvus.ask(methodcaller("flush", name))

    def rows(self, person_id: str) -> int:
        """Return how many rows of an ID any collection has."""
        options = {"filter": f'person == "{person_id}"', "output_fields": ["key"], "consistency_level": "Strong"}
        return sum(len(self._milvus.ask(methodcaller("query", name, **options))) for name in self.collections())

    def folders(self, needle: bytes) -> set[str]:
        """Return which folders of the server's data have a file with these bytes."""
        found = set()
        for path in self._server.data.rglob("*"):
            with suppress(OSError):  # it was removed meanwhile
                if path.is_file() and needle in path.read_bytes():
                    found.add(path.relative_to(self._server.data).parts[0])
        return found

    def folders_in_the_end(self, needle: bytes) -> set[str]:
        """Return the same once Milvus has compacted, or when patience ends."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.folders(needle)) - {LOG_OF_WRITES} and time.monotonic() < deadline:
            time.sleep(0.5)
        return found


@pytest.fixture
def stored(house: House, tmp_path: Path, real_milvus: MilvusServer) -> Stored:
    """Enrol A and B with two versions of a model, and have Milvus write its segments."""
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", BLUE)
    later = House(house.where, tmp_path, embedders=[LaterNoise()], prepared=True)
    assert later.shelf.snapshot().people == 2
    later.shelf.close()
    found = Stored(house, real_milvus)
    found.flush()
    return found


def test_a_forgotten_person_leaves_every_collection_at_once(house: House, stored: Stored) -> None:
    assert (len(stored.collections()), stored.rows("A"), stored.rows("B")) == (2, 4, 4)
    forgotten = house.forgetting.forget("A")
    assert forgotten is not None
    assert (forgotten.counts["embeddings"], stored.rows("A"), stored.rows("B")) == (2, 0, 4)


@pytest.mark.skipif(os.environ.get("FACEAPP_TEST_MILVUS") != "all", reason="takes a minute: FACEAPP_TEST_MILVUS=all")
def test_a_forgotten_person_leaves_the_segments_and_remains_in_the_log_of_writes(house: House, stored: Stored) -> None:
    theirs, others = (Noise().embed([face_of(colour).crop])[0].tobytes()[40:72] for colour in (RED, BLUE))
    assert stored.folders(theirs) >= {SEGMENTS, LOG_OF_WRITES}
    house.forgetting.forget("A")
    assert stored.folders_in_the_end(theirs) == {LOG_OF_WRITES}
    assert stored.folders(others) >= {SEGMENTS, LOG_OF_WRITES}
