"""`bin/enrol-folder`: read the folder, enrol everybody in it, report."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from env_validator import Settings
from tools.cli.exits import INTERRUPTED
from tools.enrol_folder.layout import Candidate, LayoutError, read_folder
from tools.enrol_folder.report import Entry
from tools.enrol_folder.running import CannotStartError, Run, alone, ended, enrol_all, here, reported, settings_for

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Return 0 if everybody is enrolled, 1 if somebody is left out or not reached, 2 if the run could not start."""
    options = make_parser().parse_args(arguments)
    try:
        settings = settings_for(options.env, options.folder)
        people, left_out = read_folder(options.folder)
        with alone(settings.db_path), reported(options.folder, options.report) as report:
            for entry in left_out:
                report.add(entry)
            enrol_all(people, _on_a_cluster(options, settings) if options.ray else here(options.env), report)
    except (CannotStartError, LayoutError) as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped during an enrolment. Run the command again to continue.", file=sys.stderr)
        return INTERRUPTED
    return ended(report)


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/enrol-folder",
        description="Enrol an existing folder of people into the server's store, as /upload_imgs and /upload_db would. "
        "People who are enrolled with the same photos are skipped, so an interrupted run can be repeated.",
    )
    parser.add_argument("folder", type=_place, help="FOLDER/ID/PHOTO or FOLDER/ID__Name/PHOTO")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="also write the report to FILE, as JSON or CSV (.csv)"
    )
    parser.add_argument(
        "--env", type=Path, default=ROOT / ".env", help="the settings (default: .env in this repository)"
    )
    parser.add_argument("--ray", metavar="ADDRESS", help="enrol on the Ray cluster at HOST:PORT (requirements-ray.txt)")
    return parser


def _place(text: str) -> Path:
    """Return an absolute path, because a worker runs in another directory."""
    return Path(text).resolve()


def _on_a_cluster(options: argparse.Namespace, settings: Settings) -> Run:
    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.cluster import NoClusterError, enrol_on_cluster

        if settings.vector_store and "://" not in settings.vector_store:
            raise CannotStartError("Milvus Lite supports one process: set VECTOR_STORE to memory or a Milvus server.")
        is_embedded = settings.sqlite_path is not None
        try:
            with redirect_stdout(sys.stderr):  # Ray prints about dead workers; stdout is for the report
                yield from enrol_on_cluster(options.ray, options.env.resolve(), is_embedded, people, stop)
        except NoClusterError as reason:
            raise CannotStartError(str(reason)) from reason

    return run
