"""`bin/bench`: the scenarios, and what came of them."""

import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bootstrap.threads import share_cores
from pipeline.models.runtime import ModelUnavailable
from tools.benchmark import roofline
from tools.benchmark.bench import Bench, CannotMeasureError, Scenario
from tools.benchmark.measure import ROUNDS, Result, as_json, table
from tools.cli.exits import DONE, FAILED
from tools.cli.options import FILE, note, results
from tools.installation.milvus_server import NoMilvusError
from tools.installation.trial import NoServerError

SCENARIOS: Mapping[str, str] = {
    "dlib_16": "networks",
    "facenet_16": "networks",
    "arcface_16": "networks",
    "mtcnn_10": "networks",
    "search_100k": "gallery",
    "search_1m": "gallery",
    "milvus_100k": "vectors",
    "find_500": "gallery",
    "enrol_1m": "gallery",
    "outside_models": "outside",
    "throughput_8": "process",
    "memory": "process",
    "startup": "process",
    "genuine_verify": "verdicts",
    "sealed_verify": "verdicts",
    "phone_verify": "phone",
    "whole_verify": "verdicts",
    "impostor_verify": "verdicts",
}
"""Each is the function of its name in this module of `tools.benchmark`, which is imported when it runs."""


@click.command("bench")
@click.option("--only", multiple=True, type=click.Choice([*SCENARIOS]), metavar="NAME", help=", ".join(SCENARIOS))
@click.option("--quick", is_flag=True, help="Three rounds; slow peers do a part of their work.")
@click.option("--data", type=FILE, default=Path("../shared"), metavar="DIR", help="Folder of shared data.")
@results()
def command(only: Sequence[str], quick: bool, data: Path) -> tuple[Any, int]:
    """Measure speed against named peers, in one run. Exit code 2: a scenario was left out."""
    rounds = 3 if quick else ROUNDS
    place = data.resolve() if data.is_dir() else None  # settings' paths start elsewhere
    note(f"Data: {place or 'photos from packages'}; {rounds} rounds; limits are off, replays are noted")
    share_cores()  # as the server does
    found: list[Result] = []
    left_out: list[str] = []
    for name in only or SCENARIOS:
        note(f"{name} ...")
        with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
            try:
                scenario: Scenario = getattr(import_module(f"tools.benchmark.{SCENARIOS[name]}"), name)
                found += scenario(Bench(Path(folder), place, rounds, quick, note))
            except (CannotMeasureError, ModelUnavailable, NoMilvusError, NoServerError, ImportError, OSError) as reason:
                left_out.append(f"{name} was left out: {reason}")
    gigaflops, gigabytes = roofline.flops_per_s() / 1e9, roofline.bytes_per_s() / 1e9
    print(table(found))
    print(f"processor: {roofline.described()}")
    print(f"roofline: {gigaflops:.0f} GFLOP/s as matrix products, {gigabytes:.1f} GB/s read; networks as written")
    for line in left_out:
        print(line)
    return as_json(found), FAILED if left_out else DONE
