"""Which keys seal the files below a folder: a small file that tells, so that a wrong DATA_KEY is noticed at once.

It decides nothing about a file: whether that opens is decided by DATA_KEY alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from db import files
from security.sealing import NO_KEY

FILE = ".sealed"


def keys_in_use(root: Path) -> frozenset[str]:
    """Return the ids of the keys that files below a folder may be sealed with; `none` stands for unsealed files."""
    data = files.read_bytes(root / FILE)
    if data is not None:
        try:
            return frozenset(str(name) for name in json.loads(data)["keys"])
        except (ValueError, KeyError, TypeError):
            return frozenset()
    has_files = any(path.is_dir() for path in root.glob("[!.]*")) or any(root.glob("gallery_*.pkl"))
    return frozenset({NO_KEY}) if has_files else frozenset()


def set_keys_in_use(root: Path, names: Collection[str]) -> None:
    """Write them down; nothing is left where no file is sealed. Raises `Refusal(Code.NO_SPACE)`."""
    if set(names) <= {NO_KEY}:
        files.remove(root / FILE)
    else:
        files.write_bytes_atomic(root / FILE, json.dumps({"keys": sorted(names)}).encode())
