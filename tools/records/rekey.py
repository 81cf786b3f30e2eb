"""`bin/init-db` makes the tables; `bin/rekey` seals what is kept, changes the key or unseals, while the server runs."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from bootstrap.records import Records, audit_folder, create_tables
from bootstrap.sealing import facehash_files, kept_files, note_keys
from db.audit import AuditTrail
from db.facehash import FaceHashHomes
from db.recovery import recover
from db.rekey import Progress, Rekeying
from db.sealed_with import keys_in_use, set_keys_in_use
from db.session import Database
from env_validator import Settings, load_settings
from pipeline.ports import AuditEvent
from security.sealing import NO_KEY, key_id
from tools.installation.first_settings import make_folders
from tools.records.env_file import new_key, set_value, written
from tools.records.running import Told, on_records, opened, settings_file

SETTLE_S = 90
"""By then a running server has noticed that `.env` changed, and what it had begun before is over."""
PAUSE_S = 2.0
PATIENCE = 60
"""Passes in which nothing but waiting happens, after which the rest is left to another call."""


def begin(env: Path, settings: Settings, what: str) -> str:
    """Write into `.env` which key seals from now on, with the one before; return what to tell.

    Raises `ValueError` where that is impossible, `OSError` where `.env` cannot be written.
    """
    keys = settings.data_key
    if len(keys) > 1:
        raise ValueError("a change of the key is under way: finish it with bin/rekey, without options")
    if (what == "seal") != (keys == (None,)):
        state = "not sealed" if keys == (None,) else f"sealed with the key {key_id(keys[0])}"
        raise ValueError(f"--{what} is impossible: files are {state}")
    first = "none" if what == "unseal" else new_key()
    set_value(env, "DATA_KEY", f"{first},{written(keys) or 'none'}")
    if what == "unseal":
        return f"{env}: files are not sealed from now on."
    return f"{env}: a new key is in DATA_KEY. Keep a copy of it elsewhere: without it nothing can be opened any more."


def begin_empty(env: Path, settings: Settings) -> str:
    """Write a key into `.env` where nothing is kept yet; return what to tell. Raises `ValueError` or `OSError`."""
    if settings.data_key != (None,):
        return f"DATA_KEY is set already: files are sealed with the key {key_id(settings.data_key[0])}."
    used = keys_in_use(settings.db_path) | keys_in_use(settings.upload_folder)
    if used or any(settings.facehash_folder.glob("HOME_*")):
        raise ValueError("files are kept already, unsealed: seal them with bin/rekey --seal")
    set_value(env, "DATA_KEY", new_key())
    return f"{env}: files are sealed with the new key in DATA_KEY. Keep a copy of it elsewhere."


@click.command("rekey")
@click.option("--seal", "what", flag_value="seal", help="Make a key and seal everything with it.")
@click.option("--new-key", "what", flag_value="new-key", help="Make another key and seal everything with that.")
@click.option("--unseal", "what", flag_value="unseal", help="Store everything unsealed again.")
@click.option(
    "--settle", type=click.IntRange(min=0), default=SETTLE_S, metavar="SECONDS",
    help="How long to wait until running servers use the new key; 0 if none runs.",
)  # fmt: skip
@on_records("rekey")
def command(settings: Settings, what: str | None, settle: int) -> Told:
    """Seal what is kept, change the key, or unseal, while the server works.

    Without an option it finishes a change that was interrupted.
    """
    env = settings_file()
    if what:
        print(begin(env, settings, what), file=sys.stderr, flush=True)
        settings = load_settings(env)
    keys = settings.data_key
    if len(keys) == 1:
        text = "Nothing to change: DATA_KEY holds one key." if keys[0] else "Nothing is sealed: --seal seals."
        return text, {"key": key_id(keys[0]), "changed": 0, "strangers": 0}
    with opened(settings) as database:
        trail = AuditTrail(database, audit_folder(settings))
        trail.record(AuditEvent("rekey", about={"step": "begun", "keys": [key_id(one) for one in keys]}))
        areas = kept_files(settings, database)
        note_keys(*areas)
        if settle:
            print(f"Waiting {settle} s, until running servers use the new key ...", file=sys.stderr, flush=True)
            time.sleep(settle)
        done, strangers = _passes(settings, database)
        done = replace(done, changed=done.changed + FaceHashHomes(facehash_files(settings)).reseal())
    if done.waiting or done.broken:
        raise ValueError(
            f"{done.changed} files and rows are done, {done.waiting} are in use, {done.broken} do not open "
            "(the lines above say which: restore or remove them). Run bin/rekey again."
        )
    for kept in areas:
        set_keys_in_use(kept.root, {key_id(keys[0])})
    with opened(settings) as database:
        about = {"step": "done", "keys": [key_id(keys[0])], "changed": done.changed}
        AuditTrail(database, audit_folder(settings)).record(AuditEvent("rekey", about=about))
    set_value(env, "DATA_KEY", written(keys[:1]))
    return _told(key_id(keys[0]), done.changed, strangers)


def _told(name: str, changed: int, strangers: int) -> Told:
    how = "not sealed any more" if name == NO_KEY else f"sealed with the key {name}"
    lines = [f"{changed} files and rows are {how}. DATA_KEY in .env holds nothing else now."]
    if strangers:
        lines.append(f"{strangers} folders in DB_PATH belong to nobody who is enrolled and stay as they are.")
    return "\n".join(lines), {"key": name, "changed": changed, "strangers": strangers}


def _passes(settings: Settings, database: Database) -> tuple[Progress, int]:
    """Repeat passes until one finds nothing to do; return all that was changed, and the last one's rest."""
    on = Records(database, settings, {})
    rekeying = Rekeying(database, on.people, on.enrolments, on.kept, on.uploads.kept)
    total, patience = Progress(), PATIENCE
    try:
        while True:
            recover(on.enrolments, on.uploads, on.kept, on.gallery.remove)
            found = rekeying.run()
            total = Progress(total.changed + found.changed, found.waiting, found.broken)
            patience = PATIENCE if found.changed else patience - 1
            if not found.changed and (not found.waiting or not patience):
                return total, rekeying.strangers()
            time.sleep(PAUSE_S if found.waiting else 0)
    finally:
        on.gallery.close()


@click.command("init-db")
@click.option("--seal", is_flag=True, help="Make a key that seals photos, faces and embeddings on the disk (DATA_KEY).")
@on_records("init-db", first=make_folders)
def init_db(settings: Settings, seal: bool) -> Told:
    """Create the schema, the people table and the server's own tables. A second run changes nothing."""
    create_tables(settings)
    sealed = begin_empty(settings_file(), settings) if seal else ""
    place = settings.sql_uri if settings.sqlite_path else f"schema {settings.sql_schema} on {settings.sql_uri}"
    lines = [*filter(None, [sealed]), f"Table {settings.sql_table} and the faceapp_* tables exist: {place}"]
    return "\n".join(lines), {"table": settings.sql_table, "place": place, "sealed": bool(seal)}
