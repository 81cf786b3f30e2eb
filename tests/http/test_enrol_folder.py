"""Enrolling a folder: everybody once, whatever is cut off when, and as a client would have done it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code, Refusal
from db.enrolments import EnrolmentRecords
from tests.db_house import raise_at
from tests.http.site import ROOT, Site, blank, code, parallel_map, variant
from tools.enrol_folder.layout import Candidate
from tools.enrol_folder.person import FolderEnroller
from tools.enrol_folder.register import NamedUploads
from tools.enrol_folder.report import Entry, State

pytestmark = pytest.mark.models

ADA = "RECO_ID_1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "crowd"
    place.mkdir()
    return place


def person(folder: Path, person_id: str = ADA, /, **photos: bytes) -> Candidate:
    place = folder / person_id
    place.mkdir(exist_ok=True)
    for name, data in photos.items():
        (place / f"{name}.jpg").write_bytes(data)
    return Candidate(person_id, "Ada Lovelace", place)


def enroller_of(site: Site) -> FolderEnroller:
    return FolderEnroller(site.container, pause=lambda _: None)


def enrolments(site: Site, person_id: str = ADA) -> list[int]:
    """Return how many photos each enrolment of a person has that counts."""
    _, records = site.records()
    with records.database.reading() as connection:
        return [one.images for one in records.enrolments.of_person(connection, person_id)]


def waiting(site: Site) -> list[str]:
    return [path.name for path in site.uploads.iterdir() if not path.name.endswith("_UPLOADED_TO_DB")]


def outcome(entry: Entry) -> tuple[State, int | None, int]:
    return entry.state, entry.code, entry.photos


def test_a_person_of_a_folder_is_verified_at_once(site: Site, folder: Path, astronaut: bytes) -> None:
    ada = person(folder, one=astronaut, two=variant(astronaut), three=variant(astronaut, degrees=-4.0))
    assert outcome(enroller_of(site).enrol(ada)) == (State.ENROLLED, 800, 3)
    assert code(site.verify(site.uploaded(variant(astronaut, 1.05, 3, 2.0), person_id=ADA))) == 200


def test_the_same_photos_are_not_enrolled_again(site: Site, folder: Path, astronaut: bytes) -> None:
    ada = person(folder, one=astronaut)
    enroller_of(site).enrol(ada)
    (ada.folder / "one.jpg").rename(ada.folder / "renamed.jpg")
    assert outcome(enroller_of(site).enrol(ada)) == (State.ALREADY, None, 0)
    assert enrolments(site) == [1]


def test_photos_that_were_added_to_the_folder_are_added_to_the_person(
    site: Site, folder: Path, astronaut: bytes
) -> None:
    enroller_of(site).enrol(person(folder, one=astronaut))
    assert outcome(enroller_of(site).enrol(person(folder, two=variant(astronaut)))) == (State.ENROLLED, 850, 1)
    assert outcome(enroller_of(site).enrol(person(folder))) == (State.ALREADY, None, 0)
    assert enrolments(site) == [1, 1]


def test_without_its_notes_the_database_knows_who_is_enrolled(site: Site, folder: Path, astronaut: bytes) -> None:
    ada = person(folder, one=astronaut)
    enroller_of(site).enrol(ada)
    for note in (site.people / ".enrol-folder").rglob("*.json"):
        note.write_text("{damaged")
    assert outcome(enroller_of(site).enrol(ada)) == (State.ALREADY, None, 0)
    assert enrolments(site) == [1]


@pytest.mark.parametrize("step", ["files written", "ready to commit"])
def test_a_run_that_dies_before_the_commit_leaves_nothing_that_counts(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ada = person(folder, one=astronaut)
    monkeypatch.setattr(site.services().enrolments, "step", raise_at(step))
    assert outcome(enroller_of(site).enrol(ada)) == (State.LEFT_OUT, 599, 0)
    monkeypatch.undo()
    assert enrolments(site) == []
    assert outcome(enroller_of(site).enrol(ada)) == (State.ENROLLED, 800, 1)
    assert (enrolments(site), waiting(site)) == ([1], [])


@pytest.mark.parametrize("step", ["committed", "cleaned", "upload renamed"])
def test_a_run_that_dies_after_the_commit_has_enrolled(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ada = person(folder, one=astronaut)
    monkeypatch.setattr(site.services().enrolments, "step", raise_at(step))
    assert outcome(enroller_of(site).enrol(ada)) == (State.LEFT_OUT, 599, 0)
    monkeypatch.undo()
    assert outcome(enroller_of(site).enrol(ada)) == (State.ALREADY, None, 0)
    assert enrolments(site) == [1]


def test_of_two_processes_at_one_person_one_enrols(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person(folder, one=astronaut)
    enroller = site.services().enrolments
    other: list[Entry] = []

    def run_alongside(step: str) -> None:
        if step == "files written" and not other:
            other.append(Entry("", "", "", State.LEFT_OUT))  # the other process takes no third one along
            other.append(enroller_of(site).enrol(ada))

    monkeypatch.setattr(enroller, "step", run_alongside)
    mine = enroller_of(site).enrol(ada)
    assert sorted([mine.state.value, other[1].state.value]) == ["already enrolled", "enrolled"]
    assert (enrolments(site), waiting(site)) == ([1], [])


def test_somebody_whose_row_was_deleted_is_enrolled_again(site: Site, folder: Path, astronaut: bytes) -> None:
    ada = person(folder, one=astronaut)
    enroller_of(site).enrol(ada)
    _, records = site.records()
    with records.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM reco_table")
    assert outcome(enroller_of(site).enrol(ada)) == (State.ENROLLED, 800, 1)


def test_whoever_another_process_enrols_while_one_looks_is_enrolled_once(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, found = person(folder, one=astronaut), EnrolmentRecords.by_upload
    others: list[State] = []

    def by_upload(self: EnrolmentRecords, *asked: Any) -> Any:
        monkeypatch.undo()
        others.append(enroller_of(site).enrol(ada).state)
        return found(self, *asked)

    monkeypatch.setattr(EnrolmentRecords, "by_upload", by_upload)
    assert outcome(enroller_of(site).enrol(ada)) == (State.ALREADY, None, 0)
    assert (others, enrolments(site)) == ([State.ENROLLED], [1])


def test_an_upload_that_another_process_takes_away_is_sent_again(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = NamedUploads.open
    removed: list[str] = []

    def opened(self: NamedUploads, upload_id: str) -> Any:
        if not removed:
            removed.append(upload_id)
            self.discard(upload_id)
        return made(self, upload_id)

    monkeypatch.setattr(NamedUploads, "open", opened)
    assert outcome(enroller_of(site).enrol(person(folder, one=astronaut))) == (State.ENROLLED, 800, 1)
    assert (len(removed), enrolments(site)) == (1, [1])


def test_a_new_database_takes_photos_that_an_old_one_had(site: Site, folder: Path, astronaut: bytes) -> None:
    ada = person(folder, one=astronaut)
    enroller_of(site).enrol(ada)
    site.edit(SQL_URI="sqlite:///another.sqlite")
    assert outcome(enroller_of(site).enrol(ada)) == (State.ENROLLED, 800, 1)
    assert outcome(enroller_of(site).enrol(ada)) == (State.ALREADY, None, 0)


def test_what_is_left_out_is_named_with_why(
    make_site: Callable[..., Site], folder: Path, astronaut: bytes, grace_hopper: bytes
) -> None:
    two = parallel_map([astronaut, grace_hopper])
    ada = person(folder, good=astronaut, none=blank(), crowd=two, text=b"no photo")
    entry = enroller_of(make_site(SCORE_TOL="3")).enrol(ada)
    assert outcome(entry) == (State.ENROLLED, 800, 1)
    assert sorted(entry.left_out) == ["crowd.jpg", "none.jpg", "text.jpg"]
    assert all(entry.left_out.values())


@pytest.mark.parametrize(
    ("photos", "expected"),
    [(["blank"], 120), (["one", "other"], 852), ([], 117)],
    ids=["faceless", "two people", "none"],
)
def test_somebody_who_cannot_be_enrolled_is_left_out_with_the_code(
    make_site: Callable[..., Site], folder: Path, astronaut: bytes, grace_hopper: bytes,
    photos: Sequence[str], expected: int,
) -> None:  # fmt: skip
    all_photos: Mapping[str, bytes] = {"blank": blank(), "one": astronaut, "other": grace_hopper}
    site = make_site(SCORE_TOL="1")
    entry = enroller_of(site).enrol(person(folder, **{name: all_photos[name] for name in photos}))
    assert outcome(entry) == (State.LEFT_OUT, expected, 0)
    assert (enrolments(site), waiting(site)) == ([], [])


def test_an_id_that_is_not_of_the_pattern_is_left_out(site: Site, folder: Path, astronaut: bytes) -> None:
    assert outcome(enroller_of(site).enrol(person(folder, "Ada", one=astronaut))) == (State.LEFT_OUT, 127, 0)


def test_a_database_that_comes_back_in_time_loses_nobody(
    site: Site, folder: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, answers = site.services().people, iter([False, False])
    found = type(people).find

    def find(self: Any, person_id: str) -> Any:
        if not next(answers, True):
            raise Refusal(Code.DB_DOWN, "made to")
        return found(self, person_id)

    monkeypatch.setattr(type(people), "find", find)
    assert outcome(enroller_of(site).enrol(person(folder, one=astronaut))) == (State.ENROLLED, 800, 1)


def enrol_folder(site: Site, folder: Path, *arguments: str) -> list[str]:
    env = str(site.folder / ".env")
    return [sys.executable, str(ROOT / "bin" / "enrol-folder"), str(folder), "--env", env, *arguments]


def interrupted(command: list[str], number: signal.Signals) -> int:
    """Run a command until the first person is done, send a signal, and return the exit status."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("RECO_ID"):
                process.send_signal(number)
                break
        process.stdout.read()
    return process.returncode


def test_a_run_that_is_stopped_or_killed_is_gone_on_with(
    site: Site, folder: Path, tmp_path: Path, astronaut: bytes
) -> None:
    for number in range(5):
        person(folder, f"RECO_ID_{number}", one=variant(astronaut, degrees=number), two=variant(astronaut, 0.8, number))
    report = tmp_path / "report.json"
    command = enrol_folder(site, folder, "--report", str(report))
    assert interrupted(command, signal.SIGINT) == 1
    stopped = json.loads(report.read_text())
    assert stopped["complete"] is False
    assert stopped["counts"]["enrolled"] + stopped["counts"]["not reached"] == 5
    assert interrupted(command, signal.SIGKILL) == -signal.SIGKILL
    person(folder, "RECO_ID_9", one=blank())
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-3].startswith("RECO_ID_9  RECO_ID_9: left out 152.")
    written = json.loads(report.read_text())
    assert (written["complete"], written["counts"]["left out"]) == (True, 1)
    printed = subprocess.run(enrol_folder(site, folder, "--json"), capture_output=True, text=True, check=False)
    assert json.loads(printed.stdout)["counts"] == {**written["counts"], "enrolled": 0, "already enrolled": 5}
    assert "RECO_ID_9: left out 152." in printed.stderr
    assert [enrolments(site, f"RECO_ID_{number}") for number in range(5)] == [[2]] * 5
    assert waiting(site) == []


def test_what_hinders_the_start_is_one_sentence(site: Site, folder: Path, tmp_path: Path) -> None:
    person(folder, one=blank())
    site.edit(SCORE_TOL="eleven")
    wrong = subprocess.run(enrol_folder(site, folder), capture_output=True, text=True, check=False)
    site.edit(SCORE_TOL="0")
    nowhere = enrol_folder(site, folder, "--report", str(tmp_path / "none" / "report.json"))
    lost = subprocess.run(nowhere, capture_output=True, text=True, check=False)
    inside = subprocess.run(enrol_folder(site, site.people), capture_output=True, text=True, check=False)
    assert [one.returncode for one in (wrong, lost, inside)] == [2, 2, 2]
    assert wrong.stderr.startswith(f"Error: The settings in {site.folder / '.env'} are invalid: SCORE_TOL: ")
    assert lost.stderr.startswith("Error: The report cannot be written to ")
    assert inside.stderr == f"Error: {site.people} and DB_PATH must not contain each other.\n"


def test_an_entry_of_the_report_is_plain_data(site: Site, folder: Path, astronaut: bytes) -> None:
    entry = enroller_of(site).enrol(person(folder, one=astronaut))
    assert set(asdict(entry)) - set(entry.as_dict()) == {"is_the_servers"}
    assert json.loads(json.dumps(entry.as_dict()))["state"] == "enrolled"
