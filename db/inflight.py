"""Which enrolments are under way, so that what a killed process has left can be told at once from work in progress."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import files
from db.session import CommitLostError

log = logging.getLogger(__name__)

FOLDER = ".pending"


@dataclass(frozen=True)
class Abandoned:
    """An enrolment whose process is gone: its files are under `token` in `folder`; `note` is what announced it."""

    token: str
    folder: str
    note: Path


class InflightNotes:
    """Notes of enrolments under way, in `root/.pending`, each locked by its process for as long as that lives.

    A lock may not reach another machine that shares the folder, so a note counts as abandoned only where its
    `host` is ours.
    """

    def __init__(self, root: Path, host: Callable[[], str] = platform.node) -> None:
        self._folder, self._host = root / FOLDER, host

    @contextmanager
    def announced(self, token: str, folder: str) -> Iterator[None]:
        """Keep a note for the block. It stays behind after a kill, and where nobody knows whether a commit stands.

        Raises `Refusal(Code.NO_SPACE)`.
        """
        note = self._folder / f"{token}.json"
        with files.writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = self._locked_note(note, folder)
        try:
            yield
        except CommitLostError:
            raise
        except BaseException:
            files.remove(note)
            raise
        else:
            files.remove(note)
        finally:
            os.close(handle)

    def _locked_note(self, note: Path, folder: str) -> int:
        part = note.with_suffix(files.PART)
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)  # before the note has its name: nobody sees it unlocked
        os.write(handle, json.dumps({"folder": folder, "host": self._host()}).encode())
        part.rename(note)
        return handle

    def abandoned(self) -> list[Abandoned]:
        """Return the enrolments of this machine whose process has died."""
        found = (self._read(note) for note in sorted(self._folder.glob("*.json")))
        return [one for one in found if one is not None]

    def _read(self, note: Path) -> Abandoned | None:
        if not _unlocked(note):
            return None
        try:
            said = json.loads(files.read_bytes(note) or b"{}")
            if said["host"] == self._host():
                return Abandoned(note.stem, str(said["folder"]), note)
        except (ValueError, KeyError, TypeError):
            log.warning("note %s is damaged: left for the sweep", note.name)
        return None


def _unlocked(note: Path) -> bool:
    try:
        handle = os.open(note, os.O_RDONLY)
    except FileNotFoundError:  # finished run_alongside
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(handle)
