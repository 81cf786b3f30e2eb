"""The server as a process: how fast it starts, how much memory it takes, how well it uses the cores."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from pipeline.parallel import usable_cores
from tools.benchmark.bench import Bench
from tools.benchmark.client import Client, cpu_s, memory_bytes, server
from tools.benchmark.measure import Result, result, seconds
from tools.benchmark.verdicts import two_models

CLIENTS, GIGABYTE = 8, 1e9


def throughput_8(bench: Bench) -> Sequence[Result]:
    """Requests a second at eight clients, against what the cores could do at one client's CPU time for each."""
    each = 3 if bench.quick else 6
    with server({}) as running:
        first = Client(running)
        person, photos = bench.enrolled(first)

        def work(client: Client, count: int) -> None:
            for _ in range(count):
                client.verify(person, photos.genuine)

        work(first, 3)
        clients = [Client(running) for _ in range(CLIENTS)]
        ours, possible = [], []
        for _ in range(bench.rounds):
            before = cpu_s(running.process.pid)
            work(first, each)
            possible.append(usable_cores() * each / (cpu_s(running.process.pid) - before))
            with ThreadPoolExecutor(CLIENTS) as pool:
                taken = seconds(lambda pool=pool: list(pool.map(lambda one: work(one, each), clients)))  # type: ignore[misc]
            ours.append(CLIENTS * each / taken)
    found = result("throughput_8", ours, possible, 0.85, "", None)
    note = f"upload and genuine verify of three photos; {usable_cores()} cores; other load on the machine lowers it"
    return [replace(found, unit="/s", at_least=True, note=note)]


def memory(bench: Bench) -> Sequence[Result]:
    """Memory of the ready server with Dlib, MobileFaceNet and the available liveness engines."""
    changes = two_models(bench)
    with server(changes) as running:
        held = memory_bytes(running.process.pid) / GIGABYTE
    note = f"PSS of the ready server; liveness engines: {changes['LIVENESS_ENGINES']}; the peer is a gigabyte"
    return [Result("memory", held, 1.0, held, 1.2, 0.0, 1, note, unit="GB")]


def startup(bench: Bench) -> Sequence[Result]:
    """From start to ready, with filled caches, against importing TensorFlow and MTCNN."""
    changes = two_models(bench)
    mine, theirs = [], []
    command = [sys.executable, "-c", "import tensorflow, mtcnn"]
    imports = partial(subprocess.run, command, check=True, capture_output=True)

    def start() -> None:
        with server(changes):
            pass

    count = 2 if bench.quick else bench.rounds
    for _ in range(count + 1):
        mine.append(seconds(start))
        theirs.append(seconds(imports))
    chosen = changes["LIVENESS_ENGINES"]
    note = f"start to ready with Dlib, MobileFaceNet and {chosen}; `import tensorflow, mtcnn` in a fresh process"
    return [result("startup", mine[1:], theirs[1:], 1.5, note)]
