"""Runs tests in forks of a process that has imported their packages: `python -m tools.mutants.worker PYTEST_ARGUMENTS`.

For each line that it reads it runs the tests once and prints pytest's exit status, minus a signal's number where one
ended them. Nothing of this tree is imported before the fork, so each run sees the files as they are then.
"""

import os
import resource
import sys
from contextlib import suppress
from importlib import import_module

PACKAGES = ("cryptography", "cv2", "flask", "hypothesis", "limits", "numpy", "pydantic", "pytest", "schemathesis",
            "sqlalchemy", "xdist")  # fmt: skip
"""What takes most of a run's time to import; a run imports the rest, and what is not installed, itself."""
MOST_CPU_S = 120
"""A run that takes longer is killed: its mutant has made a loop endless."""


def main(arguments: list[str]) -> None:
    """Answer until stdin ends."""
    for name in PACKAGES:
        with suppress(ImportError):
            import_module(name)
    while sys.stdin.readline():
        child = os.fork()
        if not child:
            run(arguments)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run(arguments: list[str]) -> None:
    """Run the tests without output, and exit with pytest's status."""
    import pytest

    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        status = int(pytest.main(arguments))
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
