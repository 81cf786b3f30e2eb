"""`bin/chaos`: so many SIGKILLs at random moments of enrolments and forgetting; every one is followed by a check."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.chaos.store import ChaosStore
from tools.chaos.worker import PEOPLE

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 0.6
"""A worker is killed within this time after its first step began."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns 0 if nothing was lost or mixed, 1 if something was."""
    asked = make_parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="faceapp-chaos-") as folder:
        report = kill_often(Path(folder), asked.kills, asked.seed)
    text = json.dumps(report, indent=2)
    if asked.report:
        asked.report.write_text(text + "\n")
    print(text)
    return 1 if report["faults"] else 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often (200)")
    parser.add_argument("--seed", type=int, default=1, help="draws steps and moments (1)")
    parser.add_argument("--report", type=Path, default=None, help="write the outcome to this file as JSON")
    return parser


def kill_often(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill, restart and check; return counts and every fault with the number of its kill."""
    draw, photos = random.Random(seed), dict.fromkeys(PEOPLE, 0)
    report: dict[str, Any] = {"kills": kills, "seed": seed, "acknowledged": 0, "interrupted": 0, "faults": []}
    for number in range(kills):
        lines = _killed(folder, draw.randrange(2**32), draw.random() * LONGEST_S)
        allowed, done = _replayed(photos, lines)
        report["acknowledged"] += done
        report["interrupted"] += any(len(counts) > 1 for counts in allowed.values())
        store = ChaosStore(folder)
        try:
            store.restart()
            found = {person_id: store.photos(person_id) for person_id in PEOPLE}
            faults = store.faults(PEOPLE)
        finally:
            store.database.dispose()
        lost = [one for one in PEOPLE if found[one] not in allowed[one]]
        faults += [f"{one}: {found[one]} photos, not one of {allowed[one]}" for one in lost]
        report["faults"] += [f"kill {number}: {fault}" for fault in faults]
        photos = found
    return report


def _killed(folder: Path, seed: int, after_s: float) -> list[dict[str, Any]]:
    """Run a worker, kill it, and return what it said, without a line that it did not finish."""
    command = [sys.executable, "-m", "tools.chaos.worker", str(folder), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as worker:
        assert worker.stdout is not None  # noqa: S101 - it is a pipe
        try:
            first = worker.stdout.readline()
            time.sleep(after_s)
        finally:
            worker.kill()
        said = first + worker.stdout.read()
    return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]


def _replayed(photos: dict[str, int], lines: Sequence[dict[str, Any]]) -> tuple[dict[str, set[int]], int]:
    """Return how many photos each person may have, and how many steps were acknowledged."""
    now, after, done = dict(photos), dict[str, int](), 0
    for line in lines:
        if "begins" in line:
            person_id, sent = line["begins"], int(line["photos"])
            after = {person_id: sent + (now[person_id] if sent and not line["in_place"] else 0)}
        elif "done" in line:
            now, after, done = {**now, **after}, {}, done + 1
    return {one: {count, after.get(one, count)} for one, count in now.items()}, done
