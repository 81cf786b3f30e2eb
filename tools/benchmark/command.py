"""`bin/bench`: the scenarios, and what came of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.threads import share_cores
from pipeline.models.runtime import ModelUnavailable
from tools.benchmark import gallery, networks, outside, phone, process, processor, roofline, vectors, verdicts
from tools.benchmark.bench import Bench, CannotMeasureError, Scenario
from tools.benchmark.measure import ROUNDS, Result, Rounds, table, write_json
from tools.installation.trial import NoServerError

SCENARIOS: Mapping[str, Scenario] = {
    "dlib_16": networks.dlib_16,
    "facenet_16": networks.facenet_16,
    "arcface_16": networks.arcface_16,
    "mtcnn_10": networks.mtcnn_10,
    "search_100k": gallery.search_100k,
    "search_1m": gallery.search_1m,
    "milvus_100k": vectors.milvus_100k,
    "find_500": gallery.find_500,
    "enrol_1m": gallery.enrol_1m,
    "outside_models": outside.outside_models,
    "throughput_8": process.throughput_8,
    "memory": process.memory,
    "startup": process.startup,
    "genuine_verify": verdicts.genuine_verify,
    "sealed_verify": verdicts.sealed_verify,
    "phone_verify": phone.phone_verify,
    "whole_verify": verdicts.whole_verify,
    "impostor_verify": verdicts.impostor_verify,
}

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Measure; return 0 where every scenario ran, 2 where one could not."""
    options = make_parser().parse_args(arguments)
    rounds = Rounds(3 if options.quick else ROUNDS, options.quick)
    data = options.data.resolve() if options.data.is_dir() else None  # settings' paths start elsewhere
    _say(f"Data: {data or 'photos from packages'}; {rounds.count} rounds; limits and replay policy are off")
    share_cores()  # as the server does
    results: list[Result] = []
    left_out: list[str] = []
    for name in options.only or SCENARIOS:
        _say(f"{name} ...")
        with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
            try:
                results += SCENARIOS[name](Bench(ROOT, Path(folder), data, rounds, _say))
            except (CannotMeasureError, ModelUnavailable, NoServerError, ImportError, OSError) as reason:
                left_out.append(f"{name} was left out: {reason}")
    gigaflops, gigabytes = roofline.flops_per_s() / 1e9, roofline.bytes_per_s() / 1e9
    print(table(results))
    print(f"processor: {processor.described()}")
    print(f"roofline: {gigaflops:.0f} GFLOP/s as matrix products, {gigabytes:.1f} GB/s read; networks as written")
    for line in left_out:
        print(line)
    if options.json:
        write_json(results, options.json)
    return 2 if left_out else 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure against named peers, in one run.")
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="three rounds; slow peers do a part of their work")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file, too")
    parser.add_argument(
        "--data", type=Path, default=Path("../shared"), help="folder of shared data (default: %(default)s)"
    )
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
