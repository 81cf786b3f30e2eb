"""Which keys seal the files below a folder: a small file that tells, so that a wrong DATA_KEY is noticed at once.

It decides nothing about a file: whether that opens is decided by DATA_KEY alone.
"""

import contextlib
import json
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from db import files
from db.files import files_in
from security.sealing import KEY_SHOWN_BY, NO_KEY, key_of

FILE = ".sealed"
_ENOUGH = 200


def keys_in_use(root: Path) -> frozenset[str]:
    """Return the ids of the keys that files below a folder may be sealed with; `none` stands for unsealed files.

    Where the small file is missing, or damaged, some of the files themselves tell.
    """
    data = files.read_bytes(root / FILE)
    if data is not None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return frozenset(str(name) for name in json.loads(data)["keys"])
    return frozenset(key_of(files.read_beginning(path, KEY_SHOWN_BY) or b"") for path in islice(_kept(root), _ENOUGH))


def _kept(root: Path) -> Iterator[Path]:
    yield from root.glob("gallery_*.pkl")
    for folder in root.glob("[!.]*/"):
        yield from files_in(folder)


def set_keys_in_use(root: Path, names: Collection[str]) -> None:
    """Write them down; nothing is left where no file is sealed. Raises `Refusal(Code.NO_SPACE)`."""
    if set(names) <= {NO_KEY}:
        files.remove(root / FILE)
    else:
        files.write_together({root / FILE: json.dumps({"keys": sorted(names)}).encode()})
