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
from tools.enrol_folder.entry import Entry, State
from tools.enrol_folder.layout import Candidate, LayoutError, read_folder
from tools.enrol_folder.report import Report

MOST_FAILURES = 5
"""People in a row whom the server's lack leaves out: with more, going on is of no use."""

LOCK = ".intake.lock"

Run = Callable[[Sequence[Candidate], threading.Event], Iterator[Entry]]
"""Takes people in, one entry each in any order, and no new ones once the event is set; raises `CannotStartError`."""


class CannotStartError(Exception):
    """Why nobody can be enrolled, in one sentence."""


def main(root: Path, arguments: Sequence[str]) -> int:
    """Return 0 where everybody is enrolled, 1 where somebody is left out or not reached, 2 where it could not start."""
    options = _options(root, arguments)
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
        print("Stopped in the middle of a person; run again to go on.", file=sys.stderr)
        return 1
    print(report.summary())
    return 0 if report.is_whole and report.not_reached == 0 and report.counts[State.LEFT_OUT] == 0 else 1


def _options(root: Path, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/enrol-folder",
        description="Enrol an existing folder of people into the server's store, as /upload_imgs and /upload_db would. "
        "Whoever is enrolled with the same photos is skipped: a run that was cut off is begun again.",
    )
    parser.add_argument("folder", type=_place, help="FOLDER/ID/PHOTO or FOLDER/ID__Name/PHOTO")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report to this file, too, as JSON")
    parser.add_argument("--env", type=Path, default=root / ".env", help="the settings (default: the .env beside)")
    parser.add_argument("--ray", metavar="ADDRESS", help="work on the Ray cluster at HOST:PORT (requirements-ray.txt)")
    return parser.parse_args(arguments)


def _place(text: str) -> Path:
    """Return a path that means the same to a worker, which runs elsewhere."""
    return Path(text).resolve()


def _settings(env_file: Path, folder: Path) -> Settings:
    try:
        settings = load_settings(env_file)
    except SettingsFault as fault:
        raise CannotStartError(f"The settings in {env_file} are not right: {fault}.") from fault
    for name, ours in (("DB_PATH", settings.db_path), ("UPLOAD_FOLDER", settings.upload_folder)):
        if folder.is_relative_to(ours) or ours.is_relative_to(folder):
            raise CannotStartError(f"{folder} and {name} lie within each other.")
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
    """Keep a second run on this machine away: it would only wait for the same people."""
    try:
        with files.locked(db_path / LOCK) as is_ours:
            if not is_ours:
                raise CannotStartError("Another run is at work on this store.")
            yield
    except Refusal as refusal:
        raise CannotStartError(f"{db_path} cannot be written: {refusal.detail}.") from refusal


def _here(env_file: Path) -> Run:
    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.workbench import CannotWorkError, opened

        print("Loading the models ...", flush=True)
        try:
            with opened(env_file) as intake:
                for candidate in people:
                    if stop.is_set():
                        return
                    yield intake.take(candidate)
        except CannotWorkError as reason:
            raise CannotStartError(str(reason)) from reason

    return run


def _on_a_cluster(options: argparse.Namespace, settings: Settings) -> Run:
    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.cluster import NoClusterError, enrol_on_cluster

        if settings.vector_store and "://" not in settings.vector_store:
            raise CannotStartError("Milvus Lite serves one process: VECTOR_STORE has to be memory or a Milvus server.")
        is_embedded = settings.sqlite_path is not None
        try:
            with redirect_stdout(sys.stderr):  # Ray tells of dead workers on its own, and the report has the other one
                yield from enrol_on_cluster(options.ray, options.env.resolve(), is_embedded, people, stop)
        except NoClusterError as reason:
            raise CannotStartError(str(reason)) from reason

    return run


def _enrol(people: Sequence[Candidate], run: Run, report: Report) -> None:
    """Enrol people until all are done, Ctrl-C is pressed, or the server lacks something for too long."""
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
                report.say(f"{failures} people in a row could not be enrolled for the server's reasons: stopping.")
                stop.set()


@contextmanager
def _stopped_by_ctrl_c(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Yield what the first Ctrl-C or SIGTERM sets, so that the person at hand is done first; a second one ends all."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])
        say("Stopping after the person at hand; run again to go on.")

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sayer() -> Callable[[str], None]:
    """Return what prints a line above the progress bar, to the output as it is now."""
    from tqdm import tqdm

    return partial(tqdm.write, file=sys.stdout)
