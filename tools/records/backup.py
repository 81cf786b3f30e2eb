"""`bin/backup` and `bin/restore`."""

from collections.abc import Callable
from pathlib import Path

import click

from env_validator import Settings
from tools.backup.manifest import Manifest, Store, store_of
from tools.backup.restore import restore
from tools.backup.take import take
from tools.cli.options import FILE
from tools.records.running import Told, on_records

_BACKUP = click.argument("folder", type=FILE, metavar="DIR")


@click.command("backup")
@_BACKUP
@on_records("backup")
def backup_command(settings: Settings, folder: Path) -> Told:
    """Copy database, images, embeddings, hashes of keys, and audit into the empty folder DIR, while the server runs."""
    return _said(settings, folder, "holds", lambda store: take(store, folder))


@click.command("restore")
@_BACKUP
@on_records("restore")
def restore_command(settings: Settings, folder: Path) -> Told:
    """Check the backup DIR and put it into the empty place that the settings name. Stop the server first."""
    return _said(settings, folder, "was restored:", lambda store: restore(folder, store))


def _said(settings: Settings, folder: Path, done: str, work: Callable[[Store], Manifest]) -> Told:
    store = store_of(settings)
    try:
        made = work(store)
    finally:
        store.database.dispose()
    text = f"{folder} {done} {len(made.files)} files, taken {made.time}, tables of version {made.version}."
    return text, {"folder": str(folder), "files": len(made.files), "time": made.time, "version": made.version}
