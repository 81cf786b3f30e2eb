"""What a person takes: memory of the gallery in the process, its file, its row in SQLite, and the time to read it.

`python -m tools.benchmark.sizing PEOPLE` fills a gallery of that many people with one photo each
and model Dlib, and prints what each person takes; docs/sizing.md goes on from there.
"""

import gc
import sys
import tempfile
import time
from pathlib import Path

from tools.benchmark.enrolling import filled


def resident() -> int:
    """Return the bytes of memory that are this process's own."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) * 1024


def measure(people: int) -> dict[str, float]:
    """Return bytes for each of so many people, by what holds them, and microseconds to read each at a start."""
    with tempfile.TemporaryDirectory(prefix="faceapp-sizing-") as name:
        folder = Path(name)
        gc.collect()
        office = filled(folder / "full", people)
        gc.collect()
        before, started = resident(), time.perf_counter()
        second = office.reopened()
        count = len(second.snapshot().ids)
        took = time.perf_counter() - started
        gc.collect()
        held = resident() - before
        pickles = sum(file.stat().st_size for file in office.kept.root.glob("gallery_*.pkl"))
        rows = sum(file.stat().st_size for file in (folder / "full").glob("faceapp.sqlite*"))
        assert count == people == len(second.snapshot().ids)  # noqa: S101 - and all of it is still in use
    return {
        "bytes of memory": held / people,
        "bytes of the gallery's file": pickles / people,
        "bytes of the ledger in SQLite": rows / people,
        "microseconds to read it at a start": took / people * 1e6,
    }


def main(arguments: list[str]) -> int:
    """Print a line for each kind of bytes; 2 where the number of people is not one."""
    if len(arguments) != 1 or not arguments[0].isdecimal():
        print("How many people? python -m tools.benchmark.sizing 200000", file=sys.stderr)
        return 2
    for what, each in measure(int(arguments[0])).items():
        print(f"{each:,.0f} {what}, a person")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
