"""Packages of npm that tests run: installed on first use, outside of the repository, and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NEWMAN = "newman@6.2.2"
INSTALLING_S = 180


class NoNewmanError(Exception):
    """Why a package cannot be had, in words for a skip."""


def newman() -> Path:
    """Return Newman, which runs the Postman collection; raises `NoNewmanError`."""
    return node_package(NEWMAN, ".bin/newman")


def node_package(package: str, inside: str) -> Path:
    """Return a file or folder of `node_modules` once NAME@VERSION is installed; raises `NoNewmanError`."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoNewmanError(f"npm is not installed; it brings {package}")
    kept = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "faceapp-tests"
    folder = kept / package.replace("/", "-")
    wanted = folder / "node_modules" / inside
    if not wanted.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), package]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING_S, check=False)
        except subprocess.TimeoutExpired:
            raise NoNewmanError(f"npm did not install {package} within {INSTALLING_S} s") from None
        if done.returncode != 0 or not wanted.exists():
            raise NoNewmanError(f"npm did not install {package}: {done.stderr.strip()[-200:]}")
    return wanted
