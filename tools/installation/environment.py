"""`bin/setup`: the virtual environment `.venv` with the pinned packages. Runs under any bare Python."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.installation import child

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 11), (3, 13)
UV = "uv==0.13.9"
"""An installer several times faster than pip, fetched temporarily; if it fails, pip is used."""

Say = Callable[[str], None]


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, flush=True)


class SetupError(Exception):
    """Why the installation cannot continue, in one sentence for the user."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of `bin/setup`: 0, or 2 with one sentence on the reason."""
    make_parser().parse_args(arguments)
    try:
        prepare(ROOT, ["requirements.txt"], say)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    print("The packages are installed.")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes: nothing."""
    about = "Create .venv and install the pinned packages into it. A second run does nothing."
    return argparse.ArgumentParser(prog="bin/setup", description=about)


def prepare(root: Path, requirements: Sequence[str], say: Say) -> Path:
    """Create `root/.venv` and install the requirement files into it, in order, unless that is done already.

    Returns the environment's Python; raises `SetupError`.
    """
    venv = root / ".venv"
    python = python_of(venv)
    try:
        for name in requirements:
            marker = venv / f".installed-{name}"
            if marker.is_file() and marker.read_text() == fingerprint(python, root / name):
                continue
            is_outdated = marker.is_file() and name == requirements[0]
            if is_outdated or not is_whole(venv):
                make(venv, say)  # recreated: packages that are no longer listed must not stay
            install(python, root / name, say)
            marker.write_text(fingerprint(python, root / name))
    except OSError as error:
        raise SetupError(f"{error.filename or venv} cannot be written: {error.strerror}.") from None
    return python


def python_of(venv: Path) -> Path:
    """Return the path of the environment's Python, whether it exists or not."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_whole(venv: Path) -> bool:
    """Tell whether the environment is complete (pip is installed last) and its base Python still exists."""
    python = python_of(venv)
    if not python.exists():
        return False
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def fingerprint(python: Path, requirements: Path) -> str:
    """Return a digest of what an installation depends on: the list's content and the base Python."""
    return hashlib.sha256(requirements.read_bytes() + bytes(python.resolve())).hexdigest()


def make(venv: Path, say: Say) -> None:
    """Create an empty virtual environment; raises `SetupError`."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(f"Python 3.11, 3.12 or 3.13 is required; this is Python {found}.")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise SetupError("Python's venv module is incomplete; on Debian: apt-get install python3-venv.")
    say(f"Creating {venv} with Python {sys.version.split()[0]}")
    try:
        if venv.exists():
            shutil.rmtree(venv)
        venv.mkdir()
    except OSError as error:
        raise SetupError(f"{venv} cannot be written: {error.strerror or error}.") from None
    done = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
        raise SetupError(f"Python could not create {venv}: {reason[-1]}")


def install(python: Path, requirements: Path, say: Say) -> None:
    """Install a complete list of pinned packages without their dependencies; raises `SetupError`."""
    lines = requirements.read_text().splitlines()
    count = sum(1 for line in lines if "==" in line and not line.startswith("#"))
    say(f"Installing the {count} packages of {requirements.name} (one to three minutes the first time)")
    log = python.parents[1] / "install.log"
    if not install_with_uv(python, requirements, log, say):
        command = [str(python), "-m", "pip", "install", "--progress-bar", "off", "--no-deps", "-r", str(requirements)]
        if child.run(command, log) != 0:
            reason = child.last_line(log)
            raise SetupError(f"The packages of {requirements.name} could not be installed: {reason} ({log} says more).")


def install_with_uv(python: Path, requirements: Path, log: Path, say: Say) -> bool:
    """Install with uv; returns False if pip has to do it."""
    pip = [str(python), "-m", "pip"]
    with tempfile.TemporaryDirectory() as folder:
        fetch = [*pip, "install", "-q", "--no-deps", "--target", folder, UV]
        if child.run(fetch, log) != 0:
            return False
        index = index_of_pip(pip)
        uv, default = Path(folder, "bin", "uv"), ["--default-index", index] if index else []
        command = [str(uv), "pip", "install", "--python", str(python), "--no-deps", "--no-config", *default]
        try:
            status = child.run([*command, "-r", str(requirements)], log)
        except OSError:
            return False
    if status != 0:
        say("uv failed; trying pip")
    return status == 0


def index_of_pip(pip: Sequence[str]) -> str:
    """Return the package index configured for pip, empty for the default."""
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    found = [line.split("=", 1)[1].strip("'\"") for line in listed.splitlines() if ".index-url=" in line]
    return found[-1] if found else ""
