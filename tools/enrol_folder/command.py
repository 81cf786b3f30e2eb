"""`bin/enrol-folder`: read the folder, enrol everybody in it, report."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from types import FrameType

from codes_dict import Refusal
from db import files
from env_validator import Settings, SettingsFault, load_settings
from tools.cli.exits import INTERRUPTED
from tools.enrol_folder.layout import Candidate, LayoutError, read_folder
from tools.enrol_folder.report import Entry, Report, State

MOST_FAILURES = 5
"""Consecutive failures of the server after which the run stops."""

ROOT = Path(__file__).resolve().parents[2]

LOCK = ".enrol-folder.lock"

Run = Callable[[Sequence[Candidate], threading.Event], Iterator[Entry]]
"""Enrols people, yields an entry for each in any order, and stops once the event is set; raises `CannotStartError`."""


class CannotStartError(Exception):
    """Why nobody can be enrolled, in one sentence."""


def main(arguments: Sequence[str]) -> int:
    """Return 0 if everybody is enrolled, 1 if somebody is left out or not reached, 2 if the run could not start."""
    options = make_parser().parse_args(arguments)
    try:
        settings = _settings(options.env, options.folder)
        people, left_out = read_folder(options.folder)
        with _alone(settings.db_path), _report(options) as report:
            for entry in left_out:
                report.add(entry)
            _enrol(people, _on_a_cluster(options, settings) if options.ray else _here(options.env), report)
    except (CannotStartError, LayoutError) as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped during an enrolment. Run the command again to continue.", file=sys.stderr)
        return INTERRUPTED
    print(report.summary())
    return 0 if report.is_whole and report.not_reached == 0 and report.counts[State.LEFT_OUT] == 0 else 1


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/enrol-folder",
        description="Enrol an existing folder of people into the server's store, as /upload_imgs and /upload_db would. "
        "People who are enrolled with the same photos are skipped, so an interrupted run can be repeated.",
    )
    parser.add_argument("folder", type=_place, help="FOLDER/ID/PHOTO or FOLDER/ID__Name/PHOTO")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write the report to FILE, as JSON")
    parser.add_argument(
        "--env", type=Path, default=ROOT / ".env", help="the settings (default: .env in this repository)"
    )
    parser.add_argument("--ray", metavar="ADDRESS", help="enrol on the Ray cluster at HOST:PORT (requirements-ray.txt)")
    return parser


def _place(text: str) -> Path:
    """Return an absolute path, because a worker runs in another directory."""
    return Path(text).resolve()


def _settings(env_file: Path, folder: Path) -> Settings:
    try:
        settings = load_settings(env_file)
    except SettingsFault as fault:
        raise CannotStartError(f"The settings in {env_file} are invalid: {fault}.") from fault
    for name, ours in (("DB_PATH", settings.db_path), ("UPLOAD_FOLDER", settings.upload_folder)):
        if folder.is_relative_to(ours) or ours.is_relative_to(folder):
            raise CannotStartError(f"{folder} and {name} must not contain each other.")
    return settings


@contextmanager
def _report(options: argparse.Namespace) -> Iterator[Report]:
    report = Report(options.folder, _sayer())
    try:
        report.open(options.report)
    except OSError as error:
        raise CannotStartError(f"The report cannot be written to {options.report}: {error.strerror}.") from error
    try:
        yield report
    finally:
        report.close()


@contextmanager
def _alone(db_path: Path) -> Iterator[None]:
    """Prevent a second run on this machine, which would wait for the same people."""
    try:
        with files.locked(db_path / LOCK) as is_ours:
            if not is_ours:
                raise CannotStartError("Another run is already enrolling into this store.")
            yield
    except Refusal as refusal:
        raise CannotStartError(f"{db_path} cannot be written: {refusal.detail}.") from refusal


def _here(env_file: Path) -> Run:
    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.workbench import CannotWorkError, opened

        print("Loading the models ...", flush=True)
        try:
            with opened(env_file) as enroller:
                for candidate in people:
                    if stop.is_set():
                        return
                    yield enroller.enrol(candidate)
        except CannotWorkError as reason:
            raise CannotStartError(str(reason)) from reason

    return run


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


def _enrol(people: Sequence[Candidate], run: Run, report: Report) -> None:
    """Enrol people until all are done, Ctrl-C is pressed, or the server keeps failing."""
    from tqdm import tqdm

    failures = 0
    report.not_reached = len(people)
    with tqdm(total=len(people), unit="person", disable=None) as bar, _stopped_by_ctrl_c(report.say) as stop:
        for entry in run(people, stop):
            report.add(entry)
            report.not_reached -= 1
            bar.update()
            failures = failures + 1 if entry.is_the_servers else 0
            if failures == MOST_FAILURES and not stop.is_set():
                report.say(f"Stopping: the server failed for {failures} people in a row.")
                stop.set()


@contextmanager
def _stopped_by_ctrl_c(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets, to finish the current person; a second one ends the run."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])
        say("Stopping after the current person. Run the command again to continue.")

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sayer() -> Callable[[str], None]:
    """Return a function that prints a line above the progress bar, on the current stdout."""
    from tqdm import tqdm

    return partial(tqdm.write, file=sys.stdout)
