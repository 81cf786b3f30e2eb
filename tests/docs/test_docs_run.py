"""Every command of the documentation is run in a clone with a live server, and answers what its page shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.docs.blocks import COMMANDS, ROOT, blocks, pages
from tests.docs.terminal import Terminal
from tests.http.site import new_photo
from tools.installation.trial import TrialServer, trial_server

LEFT_BEHIND = (".git", ".venv", ".env", "__pycache__", ".*_cache", "weights", "*.sqlite*", "*.log", "build", "site")
DATA = {"static": ("people", "uploads", "facehash")}
SETTINGS = {"FETCH_MODELS": "false", "LIVENESS_ENGINES": "cnn", "SELECTED_MODELS": "Dlib,SFace"}
PHOTOS = {"enrol_1.jpg": 1, "enrol_2.jpg": 2, "now.jpg": 3, "ada.jpg": 4, "later.jpg": 5}
"""Which sample photo each name of the documentation is; all show the same person, who does not exist."""
LAST = "docs/keys.md"
"""Makes the first key, after which the server asks everybody for one."""

PAGES = {page: text for page, text in pages().items() if any(one.language in COMMANDS for one in blocks(page, text))}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout as a clone would be, with the packages and weights that are here."""
    folder = tmp_path_factory.mktemp("docs") / "faceapp"
    shutil.copytree(ROOT, folder, ignore=left_behind)
    (folder / ".venv").symlink_to(sys.prefix)
    weights = ROOT / "bin" / "model" / "weights"
    weights.mkdir(exist_ok=True)
    (folder / "bin" / "model" / "weights").symlink_to(weights)
    return folder


@pytest.fixture(scope="module")
def photos(clone: Path) -> None:
    """Put the photos of the documentation into the clone: three or more of a person, and a folder of twelve."""
    samples = [(clone / "static" / "console" / "samples" / f"sample_{n}.jpg").read_bytes() for n in range(1, 6)]
    for name, number in PHOTOS.items():
        (clone / name).write_bytes(samples[number - 1])
    (clone / "ada").mkdir()
    for number in range(12):
        (clone / "ada" / f"{number + 1}.jpg").write_bytes(new_photo(samples[number % 5], number))


@pytest.fixture(scope="module")
def server(clone: Path, photos: None) -> Iterator[TrialServer]:
    """Run the clone's server, with the clone's own `.env`."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: apt-get install curl)")
    with trial_server(clone, clone, SETTINGS) as running:
        yield running


@pytest.mark.models
@pytest.mark.parametrize("page", sorted(PAGES, key=lambda page: (page == LAST, page)))
def test_every_command_answers_what_its_page_shows(server: TrialServer, page: str) -> None:
    empty = partial(forget_everybody, server.address)
    empty()
    if enrolled := re.search(r"<!-- enrolled: (\S+) -->", PAGES[page]):
        enrol_ada(server, enrolled[1])
    terminal = Terminal(server.folder, server.address.removeprefix("http://"), empty)
    assert "\n".join(terminal.follow(list(blocks(page, PAGES[page])))) == ""


def left_behind(folder: str, names: list[str]) -> set[str]:
    """Return which of a folder's names a clone would not have."""
    here = ("audit",) if Path(folder) == ROOT else DATA.get(Path(folder).name, ())
    return shutil.ignore_patterns(*LEFT_BEHIND, *here)(folder, names)


def enrol_ada(server: TrialServer, person_id: str) -> None:
    """Enrol the person of the sample photos, as the pages before this one told the reader to."""
    command = ["curl", "--silent", "--fail", "-F", "photo=@enrol_1.jpg", "-F", "photo=@enrol_2.jpg"]
    command += ["-F", "name=Ada Lovelace", f"{server.address}/people/{person_id}/faces"]
    subprocess.run(command, cwd=server.folder, check=True, capture_output=True, timeout=60)


def forget_everybody(address: str) -> None:
    """Delete whoever earlier pages enrolled, so that each page begins on an empty server."""
    with urllib.request.urlopen(f"{address}/people", timeout=30) as reply:
        people = json.load(reply)["results"]["people"]
    for person in people:
        deletion = urllib.request.Request(f"{address}/people/{person['id']}", method="DELETE")
        urllib.request.urlopen(deletion, timeout=30).close()
