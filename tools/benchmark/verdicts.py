"""Whole verifications over HTTP against the seed's procedure, and against one call of DeepFace."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from pipeline.registry import LIVENESS_FILES
from tools.benchmark import roofline
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.client import Client, server
from tools.benchmark.deepface_peer import Seed, altered, deepface, seed, verifying
from tools.benchmark.measure import Result, compare, result, seconds
from tools.benchmark.photos import People, decoded
from tools.cli.options import ROOT
from tools.records.env_file import new_key

_PAIRS = 9 + 180
_HTTP = "upload and verify over HTTP, cold; limits off, replays noted"


@contextmanager
def _against_seed(bench: Bench) -> Iterator[tuple[Client, str, People, Seed]]:
    """Run a server and the seed's procedure, and enrol somebody in both."""
    with server({}) as running, deepface() as module:
        client = Client(running)
        person, photos = bench.enrolled(client)
        folder = bench.folder / "seed"
        folder.mkdir()
        yield client, person, photos, seed(module, folder, photos.enrolled)


def impostor_verify(bench: Bench) -> Sequence[Result]:
    """Three photos of somebody else against the seed's procedure, which then compares all its pairs."""
    with _against_seed(bench) as (client, person, photos, procedure):
        ours = partial(_expect, (100, 500), client, person, photos.impostor)
        bare = bench.dlib_s(2 * 3 + 2 * 3 * 4) + roofline.detection_s(map(decoded, photos.impostor))
        note = f"{photos.source}; {_HTTP}"
        if not bench.quick:
            peer = partial(procedure.run, photos.impostor, altered)
            return [compare("impostor_verify", ours, peer, 1 / 200, note, bench.rounds, bare)]
        ours()
        mine = [seconds(ours) for _ in range(bench.rounds)]
        probes = procedure.crops(photos.impostor)
        nine = seconds(lambda: procedure.matches(probes, procedure.enrolled, _PAIRS))
        note += f"; the peer is 9 of its {_PAIRS} pairs, times {_PAIRS / 9:.0f}"
        return [result("impostor_verify", mine, [nine * _PAIRS / 9], 1 / 200, note, bare)]


def genuine_verify(bench: Bench) -> Sequence[Result]:
    """Three photos of the enrolled person against the seed's procedure, which stops at two matches."""
    with _against_seed(bench) as (client, person, photos, procedure):
        ours = partial(_expect, (200,), client, person, photos.genuine)
        peer = partial(procedure.run, photos.genuine, altered)
        bare = bench.dlib_s(2 * 3) + roofline.detection_s(map(decoded, photos.genuine))
        return [compare("genuine_verify", ours, peer, 1 / 5, f"{photos.source}; {_HTTP}", bench.rounds, bare)]


def sealed_verify(bench: Bench) -> Sequence[Result]:
    """The same three photos against a server that seals what it keeps, and one that does not."""
    with server({"DATA_KEY": new_key()}) as sealing, server({}) as other:
        ours, peer = Client(sealing), Client(other)
        person, photos = bench.enrolled(ours)
        bench.enrolled(peer)
        note = f"{photos.source}; {_HTTP}; the peer is the same server without DATA_KEY"
        mine, theirs = (partial(_expect, (200,), one, person, photos.genuine) for one in (ours, peer))
        rounds = 4 * bench.rounds  # two of the same server differ by 3 %
        return [compare("sealed_verify", mine, theirs, 1.05, note, rounds)]


def whole_verify(bench: Bench) -> Sequence[Result]:
    """Two models and liveness on three photos, against one `DeepFace.verify` of two of them."""
    both = two_models(bench)
    with server(both) as running, deepface() as module:
        client = Client(running)
        person, photos = bench.enrolled(client, liveness=True)
        codes: set[int] = set()

        def ours() -> None:
            codes.add(_expect((200, 560, 561), client, person, photos.genuine, True))

        bare = bench.dlib_s(2 * 3) + roofline.detection_s(map(decoded, photos.genuine))
        found = compare("whole_verify", ours, verifying(module, photos.genuine), 1 / 4, "", bench.rounds, bare)
        note = f"{photos.source}; engines {both['LIVENESS_ENGINES']}; code {sorted(codes)}; {_HTTP}"
        return [replace(found, note=note)]


def two_models(bench: Bench) -> dict[str, str]:
    """Return the settings of two recognition models, and of the liveness engines whose files exist."""
    return {"SELECTED_MODELS": "Dlib,MobileFaceNet", "MODEL_MIRROR": bench.mirror, "LIVENESS_ENGINES": engines(bench)}


def engines(bench: Bench, *others: str) -> str:
    """Return the liveness engines whose files exist, of the server's own network, Fasnet and `others`.

    Raises `CannotMeasureError` if there are none.
    """
    found = ["cnn"] if (ROOT / "bin" / "model" / "liveness_best.h5").is_file() else []
    for name in dict.fromkeys(["fasnet", *others]):
        if all(bench.weights.find(one.file, one.sha256) for one in LIVENESS_FILES[name]):
            found.append(name)
    if not found:
        raise CannotMeasureError("no liveness model is there: bin/fetch-models")
    return ",".join(found)


def _expect(wanted: Sequence[int], client: Client, person: str, photos: Sequence[bytes], liveness: bool = False) -> int:
    """Verify and return the code; raise `CannotMeasureError` for another one: what failed is not worth timing."""
    code = client.verify(person, photos, liveness)
    if code not in wanted:
        raise CannotMeasureError(f"the server answered {code}, not {' or '.join(map(str, wanted))}")
    return code
