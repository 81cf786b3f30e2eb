"""`bin/enrol-folder`: read the folder, enrol everybody in it, report."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import click

from env_validator import Settings
from tools.cli.options import env_option
from tools.enrol_folder.layout import Candidate, CannotStartError, read_folder
from tools.enrol_folder.report import Entry
from tools.enrol_folder.running import Run, ending, enrolled, here, report_options, settings_for


@click.command("enrol-folder")
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))  # a worker runs in another directory
@report_options
@env_option
@click.option("--ray", metavar="HOST:PORT", help="Enrol on this Ray cluster (requirements-ray.txt).")
def command(folder: Path, report: Path | None, env: Path, ray: str | None) -> int:
    """Enrol FOLDER/ID/PHOTO or FOLDER/ID__Name/PHOTO into the server's store, as /upload_imgs and /upload_db would.

    People who are enrolled with the same photos are skipped, so an interrupted run can be repeated.
    Exit code 1: somebody was left out or not reached.
    """
    with ending():
        settings = settings_for(env, folder)
        people, left_out = read_folder(folder)
        run = _on_a_cluster(ray, env, settings) if ray else here(env)
        return enrolled(folder, report, settings, people, run, left_out)


def _on_a_cluster(address: str, env: Path, settings: Settings) -> Run:
    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.cluster import enrol_on_cluster

        if settings.vector_store and "://" not in settings.vector_store:
            raise CannotStartError("Milvus Lite supports one process: set VECTOR_STORE to memory or a Milvus server.")
        is_embedded = settings.sqlite_path is not None
        with redirect_stdout(sys.stderr):  # Ray prints about dead workers; stdout is for the report
            yield from enrol_on_cluster(address, env.resolve(), is_embedded, people, stop)

    return run
