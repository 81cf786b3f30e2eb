"""Which enrolments are in progress, so that what a killed process left can be told from work that is still going on."""

import errno
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
from db.kept import KeptFiles
from db.session import CommitLostError
from security.sealing import SealBrokenError

log = logging.getLogger(__name__)

FOLDER = ".pending"


@dataclass(frozen=True)
class Abandoned:
    """An enrolment whose process died: its files are under `token` in `folder`, its note is the file `note`."""

    token: str
    folder: str
    note: Path


class InflightNotes:
    """Notes of enrolments in progress, in `DB_PATH/.pending`, each locked by its process as long as that lives.

    A lock may not reach another machine that shares the folder, so a note counts as abandoned only on its own `host`.
    """

    def __init__(self, kept: KeptFiles, host: Callable[[], str] = platform.node) -> None:
        self._kept, self._folder, self._host = kept, kept.root / FOLDER, host

    @contextmanager
    def note(self, token: str, folder: str) -> Iterator[None]:
        """Keep a note for the block. It remains after a kill, and if it is unknown whether the commit succeeded.

        Raises `Refusal(Code.NO_SPACE)`.
        """
        path = self._folder / f"{token}.json"
        with files.working_in(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = self._locked(path, folder)
        try:
            yield
        except CommitLostError:
            raise
        except BaseException:
            files.remove(path)
            raise
        else:
            files.remove(path)
        finally:
            os.close(handle)

    def _locked(self, path: Path, folder: str) -> int:
        part = files.part_of(path)
        content = self._kept.sealed(path, json.dumps({"folder": folder, "host": self._host()}).encode())
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # before the note gets its name: nobody sees it unlocked
            if os.write(handle, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            part.rename(path)
        except BaseException:
            os.close(handle)
            files.remove(part)
            raise
        return handle

    def abandoned(self) -> list[Abandoned]:
        """Return this machine's enrolments whose process died."""
        found = (self._read(note) for note in sorted(self._folder.glob("*.json")))
        return [one for one in found if one is not None]

    def _read(self, note: Path) -> Abandoned | None:
        if not _unlocked(note):
            return None
        try:
            content = json.loads(self._kept.read(note) or b"{}")
            if content["host"] == self._host():
                return Abandoned(note.stem, str(content["folder"]), note)
        except (ValueError, KeyError, TypeError, SealBrokenError):
            log.warning("note %s is damaged; the sweep removes it later", note.name)
        return None


def _unlocked(note: Path) -> bool:
    try:
        handle = os.open(note, os.O_RDONLY)
    except FileNotFoundError:  # finished meanwhile
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(handle)
