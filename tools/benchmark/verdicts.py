"""Whole verifications over HTTP against the seed's procedure, and against one call of DeepFace."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tools.benchmark import roofline
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.client import Client, server
from tools.benchmark.deepface_peer import Seed, altered, deepface, seed
from tools.benchmark.measure import Result, compare, result, seconds
from tools.benchmark.photos import decoded
from tools.records.env_file import new_key

_PAIRS = 9 + 180
_REJECTED = (100, 500)
_HTTP = "upload and verify over HTTP, cold; limits and replay policy off"


def impostor_verify(bench: Bench) -> Sequence[Result]:
    """Three photos of somebody else against the seed's procedure, which then compares all its pairs."""
    with server(bench.folder / "impostor", {}) as running, deepface() as module:
        client = Client(running)
        person, photos = bench.enrolled(client)
        folder = bench.folder / "seed"
        folder.mkdir()
        procedure = seed(module, folder, photos.enrolled)

        def ours() -> None:
            expect(client.verify(person, photos.impostor), _REJECTED)

        bare = bench.dlib_s(2 * 3 + 2 * 3 * 4) + _detection_s(photos.impostor)
        if bench.rounds.quick:
            note = f"{photos.source}; {_HTTP}; the peer is 9 of its {_PAIRS} pairs, times {_PAIRS / 9:.0f}"
            ours()
            mine = [seconds(ours) for _ in range(bench.rounds.count)]
            return [result("impostor_verify", mine, [_nine_pairs_s(procedure, photos.impostor)], 1 / 200, note, bare)]

        def peer() -> None:
            procedure.run(photos.impostor, altered)

        return [compare("impostor_verify", ours, peer, 1 / 200, f"{photos.source}; {_HTTP}", bench.rounds, bare)]


def genuine_verify(bench: Bench) -> Sequence[Result]:
    """Three photos of the enrolled person against the seed's procedure, which stops at two matches."""
    with server(bench.folder / "genuine", {}) as running, deepface() as module:
        client = Client(running)
        person, photos = bench.enrolled(client)
        folder = bench.folder / "seed-genuine"
        folder.mkdir()
        procedure = seed(module, folder, photos.enrolled)
        bare = bench.dlib_s(2 * 3) + _detection_s(photos.genuine)
        return [
            compare(
                "genuine_verify",
                lambda: expect(client.verify(person, photos.genuine), (200,)),
                lambda: procedure.run(photos.genuine, altered),
                1 / 5,
                f"{photos.source}; {_HTTP}",
                bench.rounds,
                bare,
            )
        ]


def sealed_verify(bench: Bench) -> Sequence[Result]:
    """The same three photos against a server that seals what it keeps, and one that does not."""
    key = {"DATA_KEY": new_key()}
    with server(bench.folder / "sealed", key) as sealing, server(bench.folder / "unsealed", {}) as other:
        ours, peer = Client(sealing), Client(other)
        person, photos = bench.enrolled(ours)
        bench.enrolled(peer)
        note = f"{photos.source}; {_HTTP}; the peer is the same server without DATA_KEY"
        return [
            compare(
                "sealed_verify",
                lambda: expect(ours.verify(person, photos.genuine), (200,)),
                lambda: expect(peer.verify(person, photos.genuine), (200,)),
                1.05,
                note,
                replace(bench.rounds, count=4 * bench.rounds.count),  # two of the same server differ by 3 %
            )
        ]


def whole_verify(bench: Bench) -> Sequence[Result]:
    """Two models and liveness on three photos, against one `DeepFace.verify` of two of them."""
    both = {"SELECTED_MODELS": "Dlib,MobileFaceNet", "MODEL_MIRROR": bench.mirror, "LIVENESS_ENGINES": engines(bench)}
    with server(bench.folder / "whole", both) as running, deepface() as module:
        client = Client(running)
        person, photos = bench.enrolled(client, liveness=True)
        pair: list[Any] = [decoded(photo)[..., ::-1].copy() for photo in photos.genuine[:2]]
        codes: set[int] = set()

        def peer() -> None:
            module.verify(*pair, model_name="Dlib", detector_backend="mtcnn", enforce_detection=False)

        def ours() -> None:
            codes.add(client.verify(person, photos.genuine, liveness=True))
            expect(max(codes), (200, 560, 561))

        bare = bench.dlib_s(2 * 3) + _detection_s(photos.genuine)
        found = compare("whole_verify", ours, peer, 1 / 4, "", bench.rounds, bare)
        note = f"{photos.source}; engines {both['LIVENESS_ENGINES']}; code {sorted(codes)}; {_HTTP}"
        return [replace(found, note=note)]


def engines(bench: Bench) -> str:
    """Return the liveness engines whose files exist. Raises `CannotMeasureError` if there are none."""
    found = ["cnn"] if (bench.root / "bin" / "model" / "liveness_best.h5").is_file() else []
    if all(bench.weights.find(file, None) for file in ("2.7_80x80_MiniFASNetV2.h5", "4_0_0_80x80_MiniFASNetV1SE.h5")):
        found.append("fasnet")
    if not found:
        raise CannotMeasureError("no liveness model is there: bin/fetch-models")
    return ",".join(found)


def expect(code: int, wanted: Sequence[int]) -> None:
    """Raise `CannotMeasureError` for another code: what failed is not worth timing."""
    if code not in wanted:
        raise CannotMeasureError(f"the server answered {code}, not {' or '.join(map(str, wanted))}")


def _nine_pairs_s(procedure: Seed, photos: Sequence[bytes]) -> float:
    """Return the seconds of the procedure's first nine pairs, as if all pairs took as long."""
    probes = procedure.crops(photos)
    return seconds(lambda: procedure.matches(probes, procedure.enrolled, _PAIRS)) * _PAIRS / 9


def _detection_s(photos: Sequence[bytes]) -> float:
    from pipeline.models.mtcnn import working_scale

    decoded_photos = [decoded(photo) for photo in photos]
    pixels = sum(one.shape[0] * one.shape[1] * working_scale(one) ** 2 for one in decoded_photos)
    return roofline.arithmetic_s(roofline.detection_flops(pixels))
