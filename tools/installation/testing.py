"""What `bin/test` does: packages, a database server to test against, then ruff, mypy, import-linter and pytest."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.installation import child
from tools.installation.environment import ROOT, Say, SetupError, prepare, say

BESIDE = (
    "requirements-dev.txt",
    "requirements-ray.txt",
    "requirements-milvus.txt",
    "requirements-milvus-lite.txt",
    "requirements-milvus-server.txt",
    "requirements-redis.txt",
)
"""Requirement files of the tests, in addition to the server's."""

QUICK = ("tests/unit", "tests/flows")
"""The folders of tests that need no server; those in them that load models are marked."""

FROM_DEBIAN = {
    "MariaDB": ("mariadbd", ("mariadb-server-core", "mariadb-client-core")),
    "Chromium": ("chromium", ("chromium",)),
    "Redis": ("redis-check-rdb", ("redis-tools",)),
    "nginx": ("nginx", ("nginx",)),
}
"""What tests need beside Python packages: its program and Debian's packages.

mariadb-server and redis-server would start a service; redis-tools has the same server under another name.
"""
STARTS_SERVICE = "nginx"
"""There is no package of it that does not; it is installed only where no service can start, as in a container."""
INIT = Path("/run/systemd/system")
APT_S = 240
WORKERS = "2"
"""Processes that run the tests: while one waits for a server that starts, the other computes."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 if everything passed, 1 if something failed, 2 with one sentence if the setup failed."""
    options, further = make_parser().parse_known_args(arguments)
    check = run_quick if options.quick else run_all
    try:
        return check(ROOT, further, say)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes; further arguments go to pytest."""
    about = "Set up what the tests need, then run ruff, mypy, import-linter and pytest; further arguments go to pytest."
    parser = argparse.ArgumentParser(prog="bin/test", description=about)
    parser.add_argument("--quick", action="store_true", help="Only what needs no model, server or browser: a minute.")
    return parser


def run_all(root: Path, arguments: Sequence[str], say: Say) -> int:
    """Run every check, pass `arguments` on to pytest, and return 0 only if all of it passed; raises `SetupError`."""
    python = prepare(root, ["requirements.txt", *BESIDE], say)
    install_from_debian(say)
    help_real_mysql(root)
    audit = [str(python), "-m", "tools.installation.vulnerabilities", "requirements.txt"]
    return run(root, {**static_checks(root, python), "pip-audit": audit, "pytest": [*pytest(python), *arguments]}, say)


def run_quick(root: Path, arguments: Sequence[str], say: Say) -> int:
    """Run what needs no model, server or browser, in under a minute; otherwise like `run_all`."""
    python = prepare(root, ["requirements.txt", BESIDE[0]], say)
    tests = [*pytest(python), "-m", "not models and not slow", *QUICK, *arguments]
    return run(root, {**static_checks(root, python), "pytest": tests}, say)


def static_checks(root: Path, python: Path) -> dict[str, list[str]]:
    """Return the commands that check the sources without running them."""
    return {
        "ruff": [str(python), "-m", "ruff", "check", "."],
        "mypy": [str(python), "-m", "mypy", *sources(root)],
        "import-linter": [str(python.with_name("lint-imports")), "--no-logo"],
    }


def pytest(python: Path) -> list[str]:
    """Return the command that runs the tests."""
    return [str(python), "-m", "pytest", "-n", WORKERS, "--dist", "loadgroup"]


def run(root: Path, checks: Mapping[str, Sequence[str]], say: Say) -> int:
    """Run each command and return 0 only if all of them did; `checks` are by the name that the person reads."""
    failed = []
    for name, command in checks.items():
        say(f"--- {name}")
        if child.run(command, cwd=root) != 0:
            failed.append(name)
    return 1 if failed else 0


def sources(root: Path) -> list[str]:
    """Return what mypy looks at: the packages, the modules of the root, and what the commands share."""
    packages = [path.parent.name for path in sorted(root.glob("*/__init__.py"))]
    modules = [path.name for path in sorted(root.glob("*.py"))]
    return [*packages, *modules, "bin/_venv.py"]


def install_from_debian(say: Say) -> None:
    """Install the programs that are missing, where that is possible; otherwise the tests of each are skipped."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"  # servers' folder, which a user's may lack
    missing = {name: found for name, found in FROM_DEBIAN.items() if not shutil.which(found[0], path=path)}
    if INIT.is_dir():
        missing.pop(STARTS_SERVICE, None)
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    is_updated = succeeds(["apt-get", "-qq", "update"], quiet)
    for name, (_, packages) in missing.items():
        say(f"Installing {name} for its tests")
        command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
        if not (is_updated and succeeds(command, quiet)):
            say(f"{name} could not be installed; its tests are skipped")


def help_real_mysql(root: Path) -> None:
    """Create a file that the shared tool `real-mysql` requires and newer Debian images lack."""
    data = root / os.environ.get("FACEAPP_TEST_DATA", "../shared")
    usual = Path("/etc/apt/sources.list")
    if (data / "tools" / "real-mysql").is_file() and usual.parent.is_dir() and os.geteuid() == 0:
        usual.touch()


def succeeds(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Run a command; False if it fails or exceeds `APT_S`."""
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=APT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
