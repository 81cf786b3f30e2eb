"""Photos that come inside packages, for tests on machines without shared data.

scikit-image's astronaut and matplotlib's Grace Hopper are in the public domain and come with those
packages. Four photos more (one man three times, another once) lie in the source archive of
`face_recognition` 1.3.0. That package is MIT; the photos are official White House photographs, whose
own notes ask that they be neither altered nor used in promotion. So they are fetched when tests want
them, pinned by SHA-256, cached outside the repository, and neither committed nor shown.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

ARCHIVE = "face_recognition-1.3.0"
ARCHIVE_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
PORTRAITS: Mapping[str, str] = {
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    "obama3.jpg": "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
}
FETCHING_S = 90


class NoPortraitsError(Exception):
    """Why the portraits cannot be had, in words for a skip."""


def grace_hopper() -> bytes:
    """Return matplotlib's sample photo, a JPEG of 512 x 600 with one face."""
    folder = resources.files("matplotlib") / "mpl-data" / "sample_data"
    return (folder / "grace_hopper.jpg").read_bytes()


def astronaut() -> bytes:
    """Return scikit-image's sample photo, a PNG of 512 x 512 with one face."""
    return (resources.files("skimage") / "data" / "astronaut.png").read_bytes()


def portraits() -> dict[str, bytes]:
    """Return the four portraits by name, from the cache or the package index; raises `NoPortraitsError`."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "faceapp-tests"
    found = {name: cached(folder / name, digest) for name, digest in PORTRAITS.items()}
    if None in found.values():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            unpack(fetch_archive(Path(scratch)), folder)
        found = {name: cached(folder / name, digest) for name, digest in PORTRAITS.items()}
    return {name: data for name, data in found.items() if data is not None}


def cached(file: Path, digest: str) -> bytes | None:
    """Return the file's bytes where they are there and the right ones."""
    data = file.read_bytes() if file.is_file() else b""
    return data if hashlib.sha256(data).hexdigest() == digest else None


def fetch_archive(folder: Path) -> Path:
    """Download the source archive with pip, which checks its SHA-256; raises `NoPortraitsError`."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"face_recognition==1.3.0 --hash=sha256:{ARCHIVE_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    command = [*pip, "-d", str(folder), "-r", str(wanted)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCHING_S, check=False)
    except subprocess.TimeoutExpired:
        raise NoPortraitsError(f"the package index did not hand over {ARCHIVE} within {FETCHING_S} s") from None
    archive = folder / f"{ARCHIVE}.tar.gz"
    if done.returncode != 0 or not archive.is_file():
        raise NoPortraitsError(f"the package index did not hand over {ARCHIVE}: {done.stderr.strip()[-200:]}")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Take the four photos, checked by SHA-256, out of the archive; raises `NoPortraitsError`."""
    with tarfile.open(archive) as opened:
        for name, digest in PORTRAITS.items():
            member = opened.extractfile(f"{ARCHIVE}/tests/test_images/{name}")
            data = member.read() if member is not None else b""
            if hashlib.sha256(data).hexdigest() != digest:
                raise NoPortraitsError(f"{name} in {ARCHIVE} is not the photo that was pinned")
            part = folder / f"{name}.part"
            part.write_bytes(data)
            part.replace(folder / name)
