"""The gallery: searching many people, finding one among few, and enrolling one more."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from db.gallery.index import BLOCK, Ids, MemorySnapshot
from pipeline.models.embedders import load_embedder
from pipeline.parallel import usable_cores
from pipeline.ports import Block, Candidates
from pipeline.registry import REGISTRY
from pipeline.scoring.published import PublishedScorer
from pipeline.stages.align import crop_face
from pipeline.stages.ranking import Ranking, group_scores
from pipeline.stages.search import search
from pipeline.types import Floats, Photo
from tools.benchmark import roofline
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.deepface_peer import CALLED, deepface
from tools.benchmark.measure import Result, compare, result, seconds
from tools.benchmark.photos import encoded, package_photos, varied

SIZE, PROBES = 128, 3
SCORER = PublishedScorer({"Dlib": 0.07})
FEW = 500


def search_100k(bench: Bench) -> Sequence[Result]:
    """Three probe faces among 100,000 people, against FAISS's flat index with as many threads."""
    return [_search(bench, "search_100k", 100_000)]


def search_1m(bench: Bench) -> Sequence[Result]:
    """The same among 1,000,000."""
    return [_search(bench, "search_1m", 1_000_000)]


def find_500(bench: Bench) -> Sequence[Result]:
    """A photo among 500 people who are enrolled, against `DeepFace.find` in a folder of 500 photos, new and known."""
    from pipeline.models.mtcnn import MtcnnDetector

    count = 25 if bench.quick else FEW
    folder = bench.folder / "find"
    folder.mkdir()
    _photos_into(bench, folder, count)
    detector, embedder = MtcnnDetector(), load_embedder(REGISTRY["Dlib"], bench.weights)
    everybody = crowd(FEW)
    probe = Photo("probe", package_photos()[0], "0")

    def ours() -> None:
        face = crop_face(probe, detector.detect([probe.pixels])[0][0])
        vectors = {"Dlib": embedder.embed([face])}
        search(ranked("500", vectors, everybody), 1, 1, FEW)

    with deepface() as module:
        bgr = probe.pixels[..., ::-1].copy()
        find = partial(module.find, bgr, str(folder), **CALLED, silent=True)
        cold = seconds(find) * FEW / count
        ours()
        mine = [seconds(ours) for _ in range(bench.rounds)]
        scale = f"{count} photos, times {FEW // count}" if count < FEW else f"{FEW} photos"
        first = result("find_500", mine, [cold], 1 / 200, f"find in a folder that is new to it, {scale}")
        warm = compare("find_500_warm", ours, find, 1 / 200, "find in a folder that it has read before", bench.rounds)
    return [first, warm]


def enrol_1m(bench: Bench) -> Sequence[Result]:
    """Enrolling one person into a large gallery, against into one of 100."""
    from tools.benchmark.enrolling import filled

    many = 20_000 if bench.quick else 1_000_000
    bench.say(f"Filling a gallery with {many} people ...")
    large, small = filled(bench.folder / "large", many), filled(bench.folder / "small", 100)
    note = f"rows, files and gallery of {many} people, until the next search sees them"
    return [compare("enrol_1m", large.enrol_one, small.enrol_one, 1.2, note, bench.rounds)]


def ranked(claimed: str, vectors: Mapping[str, Floats], everybody: Candidates) -> Ranking:
    """Rank everybody for a request whose photos show one face each."""
    photos = [[index] for index in range(len(vectors["Dlib"]))]
    scores = group_scores(vectors, photos, everybody, SCORER, "cosine")
    return Ranking(claimed, everybody, scores, SCORER, "cosine", lambda _: ())


def crowd(people: int) -> MemorySnapshot:
    """Return a gallery of random templates of length 1, one photo behind each."""
    templates = np.random.default_rng(0).standard_normal((people, SIZE), dtype=np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    names = [str(number) for number in range(people)]
    ids = Ids(names, {name: at for at, name in enumerate(names)}, [0])
    whole = Block({"Dlib": templates}, {"Dlib": np.ones(people, np.float32)}, np.ones(people, np.int64))
    blocks = [whole.part(slice(start, start + BLOCK)) for start in range(0, people, BLOCK)]
    return MemorySnapshot(1, ids, blocks, {})


def _faiss(templates: Floats, probes: Floats) -> Callable[[], object]:
    """Return a call by which FAISS's exact index over the same templates finds the best person of each probe."""
    try:
        import faiss
    except ImportError:
        raise CannotMeasureError("faiss-cpu is not installed: bin/test installs it") from None
    faiss.omp_set_num_threads(usable_cores())
    index = faiss.IndexFlatIP(templates.shape[1])
    index.add(templates)
    return lambda: index.search(probes, 1)


def _search(bench: Bench, name: str, people: int) -> Result:
    everybody = crowd(people)
    probes = np.random.default_rng(1).standard_normal((PROBES, SIZE), dtype=np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    peer = _faiss(np.concatenate([block.templates["Dlib"] for block in everybody.blocks]), probes)

    def ours() -> None:
        search(ranked(str(people // 2), {"Dlib": probes}, everybody), 1, PROBES, people)

    bare = roofline.reading_s(people * SIZE * 4)
    note = f"{PROBES} probe faces x {people} people x {SIZE}; FAISS IndexFlatIP, {usable_cores()} threads"
    return compare(name, ours, peer, 1.2, note, bench.rounds, bare)


def _photos_into(bench: Bench, target: Path, count: int) -> None:
    lfw = bench.data / "data" / "lfw" / "images" if bench.data else None
    if lfw is not None and lfw.is_dir():
        for number, person in enumerate(sorted(lfw.iterdir())[:count]):
            shutil.copyfile(sorted(person.iterdir())[0], target / f"{number}.jpg")
        return
    first, second = package_photos()
    for number in range(count):
        (target / f"{number}.jpg").write_bytes(encoded(varied((first, second)[number % 2], number % 12)))
