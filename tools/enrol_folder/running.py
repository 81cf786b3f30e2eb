"""A run that enrols people: its settings, its report, one run at a time, and how it is stopped."""

import functools
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click

from codes_dict import Refusal
from db import files
from env_validator import Settings, SettingsFault, load_settings
from tools.cli.exits import INTERRUPTED
from tools.cli.options import FILE, one_line
from tools.enrol_folder.layout import Candidate, CannotStartError, Intake
from tools.enrol_folder.report import Entry, Report, State

MOST_FAILURES = 5
"""Consecutive failures of the server after which the run stops."""

LOCK = ".enrol-folder.lock"

Run = Callable[[Sequence[Candidate], threading.Event], Iterator[Entry]]
"""Enrols people, yields an entry for each in any order, and stops once the event is set; raises `CannotStartError`."""


def report_options(work: Callable[..., int]) -> Callable[..., int]:
    """Give a command the argument `report`: the file to write, if any. `--json` prints it, and nothing else."""

    @click.option("--report", type=FILE, metavar="FILE", help="Also write the report to FILE, as JSON or CSV (.csv).")
    @click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
    @functools.wraps(work)
    def run(report: Path | None, as_json: bool, **given: Any) -> int:
        if not as_json:
            return work(report=report, **given)
        with tempfile.TemporaryDirectory() as place:
            file = report or Path(place) / "report.json"
            with redirect_stdout(sys.stderr):
                status = work(report=file, **given)
            click.echo(file.read_text(encoding="utf-8"), nl=False)
        return status

    return run


@contextmanager
def ending(*faults: type[Exception]) -> Iterator[None]:
    """End a run that cannot start, or that is interrupted in an enrolment, with one line."""
    try:
        with one_line(CannotStartError, *faults):
            yield
    except KeyboardInterrupt:
        print("Stopped during an enrolment. Run the command again to continue.", file=sys.stderr)
        raise click.exceptions.Exit(INTERRUPTED) from None


def settings_for(env_file: Path, folder: Path | None = None) -> Settings:
    """Return the settings of the store; raises `CannotStartError`, also where `folder` overlaps the store's folders."""
    try:
        settings = load_settings(env_file)
    except SettingsFault as fault:
        raise CannotStartError(f"The settings in {env_file} are invalid: {fault}.") from fault
    for name, ours in (("DB_PATH", settings.db_path), ("UPLOAD_FOLDER", settings.upload_folder)) if folder else ():
        if folder and (folder.is_relative_to(ours) or ours.is_relative_to(folder)):
            raise CannotStartError(f"{folder} and {name} must not contain each other.")
    return settings


@contextmanager
def alone(db_path: Path) -> Iterator[None]:
    """Prevent a second run on this machine, which would wait for the same people."""
    try:
        with files.locked(db_path / LOCK) as is_ours:
            if not is_ours:
                raise CannotStartError("Another run is already enrolling into this store.")
            yield
    except Refusal as refusal:
        raise CannotStartError(f"{db_path} cannot be written: {refusal.detail}.") from refusal


def here(env_file: Path, intake: Intake | None = None) -> Run:
    """Return what enrols people in this process."""

    def run(people: Sequence[Candidate], stop: threading.Event) -> Iterator[Entry]:
        from tools.enrol_folder.person import opened

        print("Loading the models ...", flush=True)
        with opened(env_file, intake or Intake()) as enroller:
            for candidate in people:
                if stop.is_set():
                    return
                yield enroller.enrol(candidate)

    return run


def enrol_all(people: Sequence[Candidate], run: Run, report: Report) -> None:
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


def enrolled(
    source: object, file: Path | None, settings: Settings, people: Sequence[Candidate], run: Run,
    left_out: Sequence[Entry] = (),
) -> int:  # fmt: skip
    """Enrol people alone on this machine, report them and those who were `left_out`, and print the counts.

    Returns 0 if everybody is enrolled and the report is whole, else 1.
    """
    from tqdm import tqdm

    report = Report(source, partial(tqdm.write, file=sys.stdout))  # above the progress bar, on the current stdout
    with alone(settings.db_path):
        try:
            report.open(file)
        except OSError as error:
            raise CannotStartError(f"The report cannot be written to {file}: {error.strerror}.") from error
        try:
            for entry in left_out:
                report.add(entry)
            enrol_all(people, run, report)
        finally:
            report.close()
    print(report.summary())
    return 0 if report.is_whole and report.not_reached == 0 and report.counts[State.LEFT_OUT] == 0 else 1


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
