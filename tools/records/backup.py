"""`bin/backup` and `bin/restore`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from env_validator import Settings
from tools.backup.manifest import Manifest
from tools.backup.restore import restore
from tools.backup.store import Store, store_of
from tools.backup.take import take
from tools.records.running import Told, add_env, run

_WHAT = {
    "backup": "Copy database, images, embeddings, keys' hashes and audit into an empty folder, while the server runs.",
    "restore": "Check a backup and put it into the empty place that the settings name. Stop the server first.",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that the first argument names; returns 0, or 2 with a line that says why nothing was done."""
    what = argv[0]
    arguments = make_parser(what).parse_args(argv[1:])
    work: Callable[[Store], Manifest] = partial(_taken if what == "backup" else _restored, arguments.folder)
    return run(f"bin/{what}", arguments, lambda settings: _said(what, arguments.folder, work, settings))


def make_parser(what: str = "backup") -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog=f"bin/{what}", description=_WHAT[what])
    parser.add_argument("folder", type=Path, metavar="DIR", help="the backup")
    add_env(parser)
    return parser


def _taken(folder: Path, store: Store) -> Manifest:
    return take(store, folder)


def _restored(folder: Path, store: Store) -> Manifest:
    return restore(folder, store)


def _said(what: str, folder: Path, work: Callable[[Store], Manifest], settings: Settings) -> Told:
    store = store_of(settings)
    try:
        made = work(store)
    finally:
        store.database.dispose()
    done = "holds" if what == "backup" else "was restored:"
    text = f"{folder} {done} {len(made.files)} files, taken {made.time}, tables of version {made.version}."
    return Told(text, {"folder": str(folder), "files": len(made.files), "time": made.time, "version": made.version})
