"""`python -m tools.benchmark.recall`: how often the closest people are among those that Milvus names.

The peer is a full search.

Random embeddings are the hardest case for an approximate index: nobody is near anybody. With FOLDER, real faces are
searched as well, every person enrolled with all photos but one; the photo left out is the probe.
"""

import tempfile
from collections.abc import Mapping, Sequence
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from db.gallery.index import Index, MemorySnapshot
from db.milvus import collection
from db.milvus.collection import Entry, VectorCollection
from db.milvus.connection import Milvus
from db.milvus.gallery import CANDIDATES, nearest_first
from pipeline.scoring import load_scorer
from pipeline.stages.distance import template
from pipeline.stages.nearness import nearness
from pipeline.stages.ranking import best_scores
from pipeline.types import EnrolledFaces, Floats
from tools.cli.options import batches
from tools.evaluation.workbench import common_options, prepare

WAYS = ((16, 1024), (CANDIDATES, 64), (CANDIDATES, 1024))
"""How many candidates are asked for, and how many templates the index walks over; the last one is the server's way."""
PROBES = 200
CLOSEST = 10

Gallery = Mapping[str, Mapping[str, Floats]]
"""Everybody's embeddings, float32 (m, d), by model and person."""


@click.command(help=__doc__)
@common_options(needs_folder=False)
@click.option("--people", default="10000", help="Sizes of the random galleries, separated by commas.")
def main(**given: Any) -> None:
    """Print the table."""
    asked = SimpleNamespace(**given)
    heads = " | ".join(f"{limit} of {walked}: best | {CLOSEST} best" for limit, walked in WAYS)
    print(f"| gallery | probes | {heads} |\n|{'---|' * (2 + 2 * len(WAYS))}")
    for people in (int(one) for one in asked.people.split(",")):
        for size in (128, 512):
            random_gallery(people, size)
    if asked.folder:
        real_gallery(asked)


def random_gallery(people: int, size: int) -> None:
    """Measure on random directions, for strangers and for people who are enrolled."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(people, size)).astype(np.float32)
    strangers = rng.normal(size=(PROBES, size)).astype(np.float32)
    enrolled = rows[rng.choice(people, PROBES, replace=False)] + rng.normal(size=(PROBES, size)).astype(np.float32)
    gallery = {"Random": {str(number): row[np.newaxis] for number, row in enumerate(rows)}}
    with tempfile.TemporaryDirectory() as folder:
        everybody, stores = filled(gallery, Path(folder))
        for name, probes in (("strangers", strangers), ("enrolled", enrolled.astype(np.float32))):
            to = nearness(probes, "cosine").to
            blocks = [to(block.templates["Random"], block.lengths["Random"]) for block in everybody.blocks]
            products = np.concatenate(blocks, axis=1)
            row(f"{people} random, {size}-d | {name}", products, everybody.ids, stores, {"Random": probes})


def real_gallery(asked: SimpleNamespace) -> None:
    """Measure on a folder's faces, scored by the calibrated fusion as the server does."""
    bench = prepare(asked)
    sample, scorer = bench.faces.sample, load_scorer(bench.versions, "cosine", 4, 1e-3, 1e-2)
    by_person: dict[int, list[int]] = {}
    for face, person in enumerate(sample.person):
        by_person.setdefault(int(person), []).append(face)
    kept = {str(person): faces[1:] or faces for person, faces in by_person.items()}
    genuine = [faces[0] for faces in by_person.values() if len(faces) > 1][:PROBES]
    gallery = {
        model: {person: values[faces] for person, faces in kept.items()} for model, values in sample.embeddings.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        everybody, stores = filled(gallery, Path(folder))
        wanted = {model: values[genuine] for model, values in sample.embeddings.items()}
        fused = np.stack(
            [
                best_scores({model: rows[[at]] for model, rows in wanted.items()}, everybody, scorer, "cosine")
                for at in range(len(genuine))
            ]
        )
        title = f"{bench.data.name}, {len(kept)} people, {' + '.join(stores)} | enrolled"
        row(title, fused, everybody.ids, stores, wanted)


def filled(gallery: Gallery, folder: Path) -> tuple[MemorySnapshot, dict[str, VectorCollection]]:
    """Return everybody in memory, and in a Milvus Lite below `folder`, whose index is built."""
    sizes = {model: next(iter(people.values())).shape[1] for model, people in gallery.items()}
    index, milvus = Index(sizes), Milvus(str(folder / "lite.db"))
    stores = {model: VectorCollection(milvus, f"recall_{at}", sizes[model], "COSINE") for at, model in enumerate(sizes)}
    entries: dict[str, list[Entry]] = {model: [] for model in sizes}
    for at, person in enumerate(next(iter(gallery.values()))):
        rows = {model: people[person] for model, people in gallery.items()}
        templates = {model: template(each, "cosine") for model, each in rows.items()}
        index.put(person, EnrolledFaces(rows), templates)
        for model, each in rows.items():
            entries[model].append(Entry(f"{at:032x}", person, templates[model], each[:1]))
    for model, store in stores.items():
        for some in batches(entries[model], 2000):
            store.put(some)
        for step in ("flush", "release_collection", "load_collection"):
            milvus.ask(methodcaller(step, store.name))
    return index.snapshot(1), stores


def row(
    title: str, scores: Floats, ids: Sequence[str], stores: Mapping[str, VectorCollection], probes: Mapping[str, Floats]
) -> None:
    """Print a line: the share of probes whose best person, and of the ten best people, are among the candidates."""
    order = np.argsort(scores, axis=1)[:, :CLOSEST]
    cells = []
    for limit, collection.LOOKED_AT in WAYS:
        named = {model: store.nearest(probes[model], limit) for model, store in stores.items()}
        found = [set(nearest_first([each[at] for each in named.values()])) for at in range(len(order))]
        pairs = zip(order, found, strict=True)
        hits = np.array([[ids[int(place)] in some for place in places] for places, some in pairs])
        cells += [f"{hits[:, 0].mean():.4f}", f"{hits.mean():.4f}"]
    print(f"| {title} ({len(order)}) | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
