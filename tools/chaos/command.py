"""`bin/chaos`: SIGKILLs at random moments of enrolments and forgetting, each checked, and other tests at full size."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from tools.chaos.store import ChaosStore
from tools.chaos.worker import PEOPLE
from tools.cli.exits import DONE, FAILED, NO
from tools.cli.options import ROOT, results

LONGEST_S = {"enrol": 0.12, "forget": 0.04}
"""A worker is killed within this time after the step that is meant began; most of them are over by then."""
_ENDING = (signal.SIGINT, signal.SIGTERM)
MOST_SKIPPED = 6
"""So many steps of the kind that is meant may pass before."""
FULL_SIZE = {"FACEAPP_KILLS": "50", "FACEAPP_OUTAGES": "20", "FACEAPP_ROUNDS": "100"}
"""What the tests below do, once or a few times in bin/test."""
TESTS = (
    "tests/unit/test_rekey.py::test_killed_at_random_moments_nothing_is_lost",
    "tests/unit/test_at_once.py",
    "tests/mysql/test_enrolment_on_servers.py::test_enrolments_of_one_id_at_once_are_never_mixed",
    "tests/mysql/test_enrolment_on_servers.py::test_an_upload_is_enrolled_once_however_many_send_it_at_once",
    "tests/mysql/test_outages.py",
)


@click.command("chaos")
@click.option("--kills", default=200, help="How many enrolments to kill.")
@click.option("--forgets", default=50, help="How often to kill the forgetting of a person.")
@click.option("--kills-only", is_flag=True, help="Leave out rekeying, outages and requests at once.")
@click.option("--seed", default=1, help="Seed of the random moments.")
@results()
def command(kills: int, forgets: int, kills_only: bool, seed: int) -> tuple[Any, int]:
    """Kill enrolments at random moments and check that nothing is lost or mixed.

    Exit code 1: something is; 2: a test was skipped.
    """
    with tempfile.TemporaryDirectory(prefix="faceapp-chaos-") as folder:
        report = kill_often(Path(folder), {"enrol": kills, "forget": forgets}, seed)
    if not kills_only:
        report |= full_size_tests()
    for name, value in report.items():
        print(f"{name}: {value}")
    return report, NO if report["faults"] or report.get("tests") else FAILED if report.get("skipped") else DONE


def full_size_tests() -> dict[str, Any]:
    """Run tests at full size; return pytest's exit status as `tests`, 0 if none failed, and how many were skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=1800", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **FULL_SIZE}, stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    skipped = sum(map(int, re.findall(r"(\d+) skipped", done.stdout)))
    return {"full_size": FULL_SIZE, "tests": done.returncode, "skipped": skipped}


def kill_often(folder: Path, wanted: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Kill, restart and check, until as many steps of each kind were interrupted as wanted.

    Returns how many were interrupted and acknowledged, by code, and every fault with the number of its kill.
    """
    draw, photos, faults = random.Random(seed), dict.fromkeys(PEOPLE, 0), list[str]()
    hit, acknowledged, number = Counter[str](), Counter[str](), 0
    while missing := [kind for kind, count in wanted.items() if hit[kind] < count]:
        number += 1
        lines = _killed(folder, draw, draw.choice(missing))
        allowed, done, interrupted = _replayed(photos, lines)
        acknowledged.update(done)
        if interrupted:
            hit.update([interrupted] if interrupted == "forget" else [interrupted, "enrol"])
        found, new = _checked(folder)
        lost = [one for one in PEOPLE if found[one] not in allowed[one]]
        new += [f"{one}: {found[one]} photos, not one of {allowed[one]}" for one in lost]
        faults += [f"kill {number}: {fault}" for fault in new]
        photos = found
    del hit["enrol"]  # the codes say it
    about = {"interrupted": dict(hit), "acknowledged": dict(acknowledged), "faults": faults}
    return {"kills": number, "seed": seed, **about}


def _checked(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Start, and return everybody's photos and what is wrong."""
    store = ChaosStore(folder)
    try:
        store.restart()
        return {person_id: store.photos(person_id) for person_id in PEOPLE}, store.faults(PEOPLE)
    finally:
        store.database.dispose()


def _killed(folder: Path, draw: random.Random, kind: str) -> list[dict[str, Any]]:
    """Run a worker, kill it in a step of a kind, and return what it said, without a line that it did not finish."""
    command = [sys.executable, "-m", "tools.chaos.worker", str(folder), str(draw.randrange(2**32))]
    left, said = draw.randrange(MOST_SKIPPED), list[str]()
    with ExitStack() as ends:
        with _uninterrupted():
            worker = ends.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
            )
            ends.callback(worker.kill)
        assert worker.stdout is not None  # noqa: S101 - it is a pipe
        for line in worker.stdout:
            said.append(line)
            left -= json.loads(line).get("kind") == kind
            if left < 0:
                break
        time.sleep(draw.random() * LONGEST_S[kind])
        worker.kill()
        said += worker.stdout.readlines()
    return [json.loads(line) for line in said if line.endswith("\n")]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the end of the block: what is started in it is known by then."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for one in held:
        signal.raise_signal(one)


def _replayed(
    photos: Mapping[str, int], lines: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, set[int]], Counter[str], str]:
    """Return how many photos each person may have, what was acknowledged by code, and what was interrupted."""
    now, after, done, code = dict(photos), dict[str, int](), Counter[str](), ""
    for line in lines:
        if "begins" in line:
            person_id, sent = line["begins"], int(line["photos"])
            after = {person_id: sent + (now[person_id] if sent and not line["in_place"] else 0)}
            code = _code(now[person_id] > 0, line["in_place"]) if sent else "forget"
        elif "done" in line:
            done[code] += 1
            now, after, code = {**now, **after}, {}, ""
    return {one: {count, after.get(one, count)} for one, count in now.items()}, done, code


def _code(is_enrolled: bool, in_place: bool) -> str:
    return ("900" if in_place else "850") if is_enrolled else ("838" if in_place else "800")
