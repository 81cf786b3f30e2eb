"""`bin/import-compreface`: enrol the subjects of a CompreFace server, or of a folder, into this server's store."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tools.cli.exits import INTERRUPTED
from tools.enrol_folder.intake import Intake
from tools.enrol_folder.layout import Candidate, LayoutError
from tools.enrol_folder.running import CannotStartError, alone, ended, enrol_all, here, reported, settings_for
from tools.import_compreface.server import CompreFaceError, CompreFaceServer
from tools.import_compreface.subjects import SubjectFolders, folders_of, subjects_of

ROOT = Path(__file__).resolve().parents[2]
KEY = "COMPREFACE_API_KEY"
"""The environment variable that holds the key."""


def main(arguments: Sequence[str]) -> int:
    """Return 0 if all subjects are enrolled, 1 if one is left out or not reached, 2 if the run could not start."""
    options = make_parser().parse_args(arguments)
    try:
        if options.source.lower().startswith(("http://", "https://")):
            key = options.key or os.environ.get(KEY, "")
            if not key:
                raise CannotStartError(f"Put the key of the recognition service into {KEY}, or use --key.")
            if not (key.isascii() and key.isprintable()):
                raise CannotStartError("The key has characters that no key has.")
            with closing(CompreFaceServer(options.source, key)) as server:
                found = subjects_of(server)
                return _enrol(options, found.people(), found, None)
        folder = Path(options.source).resolve()
        return _enrol(options, folders_of(folder), SubjectFolders(), folder)
    except (CannotStartError, CompreFaceError, LayoutError) as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped during an enrolment. Run the command again to continue.", file=sys.stderr)
        return INTERRUPTED


def _enrol(options: argparse.Namespace, people: Sequence[Candidate], intake: Intake, folder: Path | None) -> int:
    settings = settings_for(options.env, folder)
    with alone(settings.db_path), reported(folder or options.source, options.report) as report:
        enrol_all(people, here(options.env, intake), report)
    return ended(report)


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/import-compreface",
        description="Enrol the subjects and photos of a CompreFace server, or of a folder of its images, into this "
        "server's store. Embeddings are computed anew. Photos that are enrolled are skipped, so an interrupted run can "
        "be repeated.",
    )
    parser.add_argument("source", metavar="URL|FOLDER", help="the server's address, or FOLDER/SUBJECT/PHOTO")
    parser.add_argument("--key", help=f"the key of its recognition service (default: the variable {KEY}, which other "
                        "users of the machine cannot see)")  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="also write the report to FILE, as JSON or CSV (.csv)"
    )
    parser.add_argument(
        "--env", type=Path, default=ROOT / ".env", help="the settings (default: .env in this repository)"
    )
    return parser
