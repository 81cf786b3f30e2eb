"""What a pass has done."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from db import files
from db.kept import KeptFiles
from security.sealing import KEY_SHOWN_BY, SealBrokenError

log = logging.getLogger(__name__)

Step = Callable[[str], None]


@dataclass
class Progress:
    """How many files and rows were changed, have to wait for somebody else's work, and do not open."""

    changed: int = 0
    waiting: int = 0
    broken: int = 0


def is_current(kept: KeptFiles, path: Path) -> bool:
    """Whether a file is as the first key would have it, or gone."""
    beginning = files.read_beginning(path, KEY_SHOWN_BY)
    return beginning is None or kept.seal.is_current(beginning)


def opened(kept: KeptFiles, path: Path, progress: Progress) -> tuple[bytes, str] | None:
    """Return a file's content and its note; None if it is gone, or does not open: that is logged and counted."""
    data = files.read_bytes(path)
    if data is None:
        return None
    try:
        return kept.seal.open_with_note(data, kept.place(path))
    except SealBrokenError as error:
        log.warning("%s/%s: %s", kept.area, path.relative_to(kept.root), error.detail)
        progress.broken += 1
        return None
