"""The gallery in a Milvus server of this machine, beside the one in memory: one client, and eight at a time."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from operator import methodcaller

import numpy as np

from db.milvus.collection import Entry, Mark
from db.milvus.connection import Milvus
from db.milvus.gallery import MilvusGallery
from pipeline.ports import Gallery
from pipeline.stages.distance import template
from pipeline.stages.search import search
from pipeline.types import Floats
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.enrolling import MODEL, Office, filled
from tools.benchmark.gallery import PROBES, SIZE, ranked
from tools.benchmark.measure import Result, result, seconds, spread
from tools.cli.options import batches
from tools.installation.milvus_server import MilvusServer, milvus_server

PEOPLE, QUICK_PEOPLE, CLIENTS = 100_000, 2_000, 8
_PUT = 2_000
_INDEXED_WITHIN_S = 300.0
_SEARCHES = 40


def milvus_100k(bench: Bench) -> Sequence[Result]:
    """A search among 100,000 people in a Milvus server, by the whole path: records, candidates, embeddings, scores."""
    people = QUICK_PEOPLE if bench.quick else PEOPLE
    office = filled(bench.folder / "office", people)
    with milvus_server() as server:
        begun = time.monotonic()
        with closing(_filled(server, office)) as stored:
            bench.say(f"{people} people are in Milvus and indexed after {time.monotonic() - begun:.0f} s")
            return list(_compared(stored, office.gallery, people, bench.rounds))


def _compared(stored: Gallery, memory: Gallery, people: int, rounds: int) -> Iterator[Result]:
    note = f"{PROBES} probe faces x {people} people x {SIZE}; the gallery in memory"
    ours, peer = (_searcher(gallery, people) for gallery in (stored, memory))
    for work in (ours, peer):
        work(0)
    mine, theirs = ([seconds(partial(work, at)) for at in range(10 * rounds)] for work in (ours, peer))
    yield result("milvus_100k", mine, theirs, 20.0, f"{note}, one client")
    mine, theirs = ([_per_second(work) for _ in range(3)] for work in (ours, peer))
    at_best = statistics.median(mine), statistics.median(theirs)
    yield Result(
        "milvus_100k_8", *at_best, at_best[0] / at_best[1], 0.05, spread(mine), 3,
        f"{note}, {CLIENTS} clients", unit="/s", at_least=True,
    )  # fmt: skip


def _searcher(gallery: Gallery, people: int) -> Callable[[int], None]:
    """Return a call that searches for three strangers, another three for each number, for a claimed ID."""
    rng = np.random.default_rng(1)
    strangers = rng.standard_normal((64, PROBES, SIZE), dtype=np.float32)
    strangers /= np.linalg.norm(strangers, axis=2, keepdims=True)

    def once(number: int) -> None:
        probes: dict[str, Floats] = {MODEL: strangers[number % len(strangers)]}
        claimed, snapshot = f"ID-{number % people}", gallery.snapshot()
        search(ranked(claimed, probes, snapshot.candidates(probes, claimed)), 1, PROBES, people)

    return once


def _per_second(work: Callable[[int], None]) -> float:
    with ThreadPoolExecutor(CLIENTS) as pool:
        begun = time.perf_counter()
        list(pool.map(work, range(CLIENTS * _SEARCHES)))
        return CLIENTS * _SEARCHES / (time.perf_counter() - begun)


def _filled(server: MilvusServer, office: Office) -> MilvusGallery:
    """Return a gallery in Milvus that holds whom the office has, with its index built."""
    milvus, kept, models = Milvus(server.uri), office.kept, office.models
    gallery = MilvusGallery(kept, office.entries, models, lambda rows, _: template(rows, "cosine"), milvus)
    (collection,) = gallery.collections().values()
    enrolled, snapshot = office.entries.changes(0), office.gallery.snapshot()
    for some in batches(enrolled.added, _PUT):
        collection.put(
            Entry(one.token, one.id, template(rows, "cosine"), rows)
            for one in some
            if (found := snapshot.person(one.id)) is not None and (rows := found[MODEL]) is not None
        )
    collection.set_mark(Mark("bench", enrolled.version, milvus.now()))
    milvus.ask(methodcaller("flush", collection.name, timeout=60))
    _wait_for_index(milvus, collection.name)
    milvus.close()  # the next call loads what is indexed
    return gallery


def _wait_for_index(milvus: Milvus, name: str) -> None:
    deadline = time.monotonic() + _INDEXED_WITHIN_S
    while True:
        state = milvus.ask(methodcaller("describe_index", name, "vector"))
        if state["state"] == "Finished" and not state["pending_index_rows"]:
            return
        if time.monotonic() > deadline:
            raise CannotMeasureError(f"Milvus did not build its index: {state}")
        time.sleep(0.5)
