"""Newman, Postman's command-line runner: fetched with npm when tests want it, pinned, cached outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NEWMAN = "newman@6.2.2"
INSTALLING_S = 180


class NoNewmanError(Exception):
    """Why Newman cannot be had, in words for a skip."""


def newman() -> Path:
    """Return the program, installing it on first use; raises `NoNewmanError`."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoNewmanError("npm is not installed; it brings Newman, which runs the Postman collection")
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "faceapp-tests" / NEWMAN
    program = folder / "node_modules" / ".bin" / "newman"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), NEWMAN]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING_S, check=False)
        except subprocess.TimeoutExpired:
            raise NoNewmanError(f"npm did not install {NEWMAN} within {INSTALLING_S} s") from None
        if done.returncode != 0 or not program.exists():
            raise NoNewmanError(f"npm did not install {NEWMAN}: {done.stderr.strip()[-200:]}")
    return program
