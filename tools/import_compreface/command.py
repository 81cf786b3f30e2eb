"""`bin/import-compreface`: enrol the subjects of a CompreFace server, or of a folder, into this server's store."""

import os
from contextlib import closing
from pathlib import Path

import click

from tools.cli.options import env_option
from tools.enrol_folder.layout import CannotStartError
from tools.enrol_folder.running import ending, enrolled, here, report_options, settings_for
from tools.import_compreface.server import CompreFaceError, CompreFaceServer
from tools.import_compreface.subjects import SubjectFolders, folders_of, subjects_of

KEY = "COMPREFACE_API_KEY"
"""The environment variable that holds the key."""


@click.command("import-compreface")
@click.argument("source", metavar="URL|FOLDER")
@click.option("--key", help=f"The recognition service's key (default: {KEY}, hidden from other users of the machine).")
@report_options
@env_option
def command(source: str, key: str | None, report: Path | None, env: Path) -> int:
    """Enrol the subjects of a CompreFace server, or of a folder FOLDER/SUBJECT/PHOTO, into this server's store.

    Embeddings are computed anew. Photos that are enrolled are skipped, so an interrupted run can be repeated.
    Exit code 1: a subject was left out or not reached.
    """
    with ending(CompreFaceError):
        if source.lower().startswith(("http://", "https://")):
            secret = key or os.environ.get(KEY, "")
            if not secret:
                raise CannotStartError(f"Put the key of the recognition service into {KEY}, or use --key.")
            if not (secret.isascii() and secret.isprintable()):
                raise CannotStartError("The key has characters that no key has.")
            with closing(CompreFaceServer(source, secret)) as server:
                found = subjects_of(server)
                return enrolled(source, report, settings_for(env), found.people(), here(env, found))
        folder = Path(source).resolve()
        people, settings = folders_of(folder), settings_for(env, folder)
        return enrolled(folder, report, settings, people, here(env, SubjectFolders()))
