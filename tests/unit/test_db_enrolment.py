"""Enrolment: the four cases, all or nothing, one after the other. Runs on SQLite here, on servers in tests/mysql."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from codes_dict import Code, Outcome, Refusal
from db.files import files_in
from db.migrations.upgrade import upgrade
from db.recovery import sweep
from db.schema import PeopleNames
from db.session import Database, make_engine, open_sqlite
from pipeline.ports import Enrolled
from pipeline.pseudonym import upload_pseudonym
from pipeline.types import Person
from tests.db_house import BLUE, GREEN, RED, WHITE, House, Where, enrol_dying_at, raise_at, reply
from tests.processes import PATIENCE_S, context, ended, started

BEFORE_COMMIT = ("files written", "segments written", "guarded", "row saved", "ready to commit")
AFTER_COMMIT = ("committed", "replaced files removed", "cleaned", "upload renamed")


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def refused(code: Code) -> pytest.RaisesExc[Refusal]:
    return pytest.RaisesExc(Refusal, check=lambda refusal: refusal.code is code)


def usable(house: House, upload_id: str) -> bool:
    try:
        house.uploads.open(upload_id).load()
    except Refusal:
        return False
    return True


def test_a_new_id_is_inserted_and_its_pictures_are_where_the_reply_says(house: House) -> None:
    done = house.enrol("RECO_ID_1", "Grace Hopper", RED, GREEN)
    assert (done.existed, done.person.key, done.person.id) == (False, 1, "RECO_ID_1")
    assert (done.person.name, done.person.path) == ("grace_hopper", "grace_hopper-RECO_ID_1")
    assert house.people.find("RECO_ID_1") == done.person
    assert [len(done.main), len(done.aug)] == [2, 4]
    assert all((house.root / path).is_file() for path in [*done.main, *done.aug])
    assert done.main[0].startswith("grace_hopper-RECO_ID_1/faces/")
    assert done.aug[0].startswith("grace_hopper-RECO_ID_1/augmented_imgs/")
    assert house.colours("RECO_ID_1") == [RED, GREEN]


@pytest.mark.parametrize("name", ["O'Neil'); DROP TABLE faceapp; --", '" OR 1=1 --', "100 % _ \\"])
def test_a_name_that_is_sql_is_a_name(house: House, name: str) -> None:
    house.enrol("B", "Bob", GREEN)
    assert house.enrol("A", name, RED).person.given_name == name
    assert [person.id for person in house.people.search(name, 10)] == ["A"]
    assert house.people.search("' OR '1'='1", 10) == []
    assert [house.people.find(one) for one in ("' OR '1'='1", "A' --", "%", "_")] == [None] * 4
    assert [person.id for person in house.people.all()] == ["B", "A"]


def test_a_used_upload_is_renamed_and_gone(house: House) -> None:
    upload = house.upload("A", RED)
    house.enrol("A", "ann", RED, upload=upload)
    assert not usable(house, upload.upload_id)
    assert (house.uploads.root / f"{upload.upload_id}_UPLOADED_TO_DB" / "0001.jpg").is_file()


def test_in_place_for_a_new_id_inserts(house: House) -> None:
    done = house.enrol("A", "ann", RED, in_place=True)
    assert (done.existed, house.colours("A")) == (False, [RED])


def test_without_in_place_files_are_added_and_name_and_path_stay(house: House) -> None:
    first = house.enrol("A", "Ann", RED)
    second = house.enrol("A", "Somebody Else", GREEN)
    assert (second.existed, second.person) == (True, first.person)
    assert house.colours("A") == [RED, GREEN]
    assert (house.root / first.main[0]).is_file()
    assert second.main[0].startswith("ann-A/faces/")


def test_with_in_place_everything_is_replaced_and_the_key_stays(house: House) -> None:
    first = house.enrol("A", "Ann", RED)
    second = house.enrol("A", "Ann Smith", GREEN, in_place=True)
    assert (second.existed, second.person.key, second.person.path) == (True, first.person.key, "ann_smith-A")
    assert house.people.find("A") == second.person
    assert house.colours("A") == [GREEN]
    assert not (house.root / "ann-A").exists()
    token = second.main[0].split("/")[-1][:32]
    assert all(token in name for name in house.files())


def test_in_place_under_the_same_name_leaves_only_the_new_files(house: House) -> None:
    first = house.enrol("A", "Ann", RED, BLUE)
    foreign = house.root / "ann-A" / "old.jpg"
    foreign.write_bytes(b"from before")
    second = house.enrol("A", "Ann", GREEN, in_place=True)
    assert not (house.root / first.main[0]).exists()
    assert not foreign.exists()
    assert (house.root / second.main[0]).is_file()
    assert house.colours("A") == [GREEN]


def test_in_place_leaves_what_others_have_in_a_folder_that_is_theirs_too(house: House) -> None:
    for person_id in ("A", "B"):
        house.execute(f"INSERT INTO faceapp (RECO_ID, RECO_NAME, RECO_PATH) VALUES ('{person_id}', 'x', 'both')")
    theirs = house.root / "both" / "B.jpg"
    theirs.parent.mkdir()
    theirs.write_bytes(b"from before")
    house.enrol("A", "Ann", GREEN, in_place=True)
    assert theirs.exists()
    house.enrol("B", "Bea", RED, in_place=True)
    assert not theirs.exists()


def test_nobody_is_added_to_a_person_whose_faces_cannot_be_read(house: House) -> None:
    house.enrol("A", "Ann", RED)
    house.gallery.delete_pickles()
    for path in house.root.glob("ann-A/source/*"):
        path.unlink()
    later = house.another()
    with refused(Code.NO_FOLDER):
        later.enrol("A", "Ann", GREEN, guard=lambda *_: None)
    assert later.colours("A") is None
    later.enrol("A", "Ann", GREEN, guard=lambda *_: None, in_place=True)
    assert later.colours("A") == [GREEN]


def test_faces_are_added_to_a_row_that_had_none(house: House) -> None:
    house.execute("INSERT INTO faceapp (RECO_ID, RECO_NAME, RECO_PATH) VALUES ('A', 'ann', 'ann-A')")
    assert house.enrol("A", "Ann", RED, guard=lambda *_: None).existed
    assert house.colours("A") == [RED]


GIVEN = ("Ludwig van der Berg", "Ronald McDonald", "Conan O'Brien", "\u674e\u5c0f\u9f99", "Jos\u00e9 de la Cruz")


@pytest.mark.parametrize("name", GIVEN)
def test_a_name_is_kept_as_it_was_given_beside_the_rows_form(house: House, name: str) -> None:
    done = house.enrol("A", name, RED)
    assert (done.person.given_name, done.person.name) == (name, name.lower().replace(" ", "_"))
    assert house.people.find("A") == done.person
    assert house.people.all() == [done.person]


def test_a_given_name_is_replaced_with_the_row_and_ignored_once_the_row_has_another(house: House) -> None:
    house.enrol("A", "Ann McKay", RED)
    assert house.enrol("A", "Somebody Else", GREEN).person.given_name == "Ann McKay"
    assert house.enrol("A", "Ann O'Neil", BLUE, in_place=True).person.given_name == "Ann O'Neil"
    house.execute("UPDATE faceapp SET RECO_NAME = 'bea_smith'")
    person = house.people.find("A")
    assert person is not None
    assert (person.name, person.given_name, house.people.all()) == ("bea_smith", "", [person])


def test_the_reply_is_stored_in_the_same_commit_and_can_be_completed(house: House) -> None:
    upload = house.upload("A", RED)
    assert house.enroller.earlier(upload.upload_id) is None
    done = house.enrol("A", "Ann", RED, upload=upload, outcome=reply)
    assert house.enroller.earlier(upload.upload_id) == reply(done)
    whole = Outcome(Code.ENROLLED, {"mysql_id": 1, "left_out": {"Jos\u00e9.jpg": 152}, "long": "x" * 200_000})
    house.enroller.keep_outcome(upload.upload_id, whole)
    assert house.another().enroller.earlier(upload.upload_id) == whole
    house.enrol("A", "Ann", GREEN, in_place=True)
    assert house.enroller.earlier(upload.upload_id) == whole


def test_a_failed_enrolment_stores_no_reply(house: House) -> None:
    upload = house.upload("A", RED)
    with pytest.raises(OSError, match="made to fail"):
        house.another(raise_at("ready to commit")).enrol("A", "Ann", RED, upload=upload, outcome=reply)
    assert house.enroller.earlier(upload.upload_id) is None


def test_a_reply_that_cannot_be_completed_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    upload = house.upload("A", RED)
    done = house.enrol("A", "Ann", RED, upload=upload, outcome=reply)
    house.execute("ALTER TABLE faceapp_outcomes RENAME TO elsewhere")
    house.enroller.keep_outcome(upload.upload_id, Outcome(Code.ENROLLED, {}))
    house.execute("ALTER TABLE elsewhere RENAME TO faceapp_outcomes")
    assert f"the outcome of upload {upload_pseudonym(upload.upload_id)} was not stored" in caplog.text
    assert house.enroller.earlier(upload.upload_id) == reply(done)


def test_a_database_of_before_gets_the_new_tables_and_loses_nothing(house: House) -> None:
    upload = house.upload("A", RED)
    first = house.enrol("A", "Ann", RED, upload=upload)
    house.execute("DROP TABLE faceapp_names")
    house.execute("DROP TABLE faceapp_outcomes")
    house.execute("DROP TABLE faceapp_migrations")
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.DB_DOWN):
        house.people.find("A")
    for _ in range(2):
        upgrade(house.database)
    assert house.people.find("A") == replace(first.person, given_name="")
    assert (house.enroller.earlier(upload.upload_id), house.colours("A")) == (None, [RED])
    assert house.enrol("A", "Ann O'Neil", GREEN, in_place=True).person.given_name == "Ann O'Neil"


def test_a_database_that_was_never_initialised_stays_empty(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "empty.sqlite", "rwc").close()
    database = Database(make_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}"))
    upgrade(database)
    with database.reading() as connection:
        assert sa.inspect(connection).get_table_names() == []
    database.dispose()


def test_two_people_do_not_touch_each_other(house: House) -> None:
    house.enrol("A", "Ann", RED)
    house.enrol("B", "Ann", GREEN)
    house.enrol("A", "Ann", BLUE, in_place=True)
    snapshot = house.gallery.snapshot()
    assert (list(snapshot.ids), house.colours("A"), house.colours("B")) == (["A", "B"], [BLUE], [GREEN])


@pytest.mark.parametrize("step", BEFORE_COMMIT)
@pytest.mark.parametrize("in_place", [False, True])
def test_a_failure_before_the_commit_leaves_everything_as_it_was(
    where: Where, tmp_path: Path, step: str, in_place: bool
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    files, person = house.files(), house.people.find("A")
    upload = house.upload("A", GREEN)
    broken = house.another(raise_at(step))
    with pytest.raises(OSError, match="made to fail"):
        broken.enrol("A", "Ann Smith", GREEN, in_place=in_place, upload=upload)
    assert (house.files(), house.people.find("A"), house.colours("A")) == (files, person, [RED])
    assert usable(house, upload.upload_id)
    house.enrol("A", "Ann Smith", GREEN, in_place=in_place, upload=upload)
    assert house.colours("A") == ([GREEN] if in_place else [RED, GREEN])


@pytest.mark.slow
@pytest.mark.parametrize("step", [*BEFORE_COMMIT, *AFTER_COMMIT])
@pytest.mark.parametrize("in_place", [False, True])
def test_kill_9_leaves_the_old_state_or_the_new_one(where: Where, tmp_path: Path, step: str, in_place: bool) -> None:
    house = House(where, tmp_path)
    first = house.enrol("A", "Ann", RED)
    before = house.files()
    upload = house.upload("A", GREEN)
    dying = started(enrol_dying_at, step, where, tmp_path, "Ann Smith", GREEN, upload.upload_id, in_place)
    assert ended(dying) == [-signal.SIGKILL]
    later = house.another()
    earlier = later.enroller.earlier(upload.upload_id)
    assert (earlier.code if earlier else None) == (None if step in BEFORE_COMMIT else Code.ENROLLED)
    if step in BEFORE_COMMIT:
        assert (later.people.find("A"), later.colours("A")) == (first.person, [RED])
        assert usable(later, upload.upload_id)
        assert later.recover() == 1
        assert later.files() == before
        return
    assert later.colours("A") == ([GREEN] if in_place else [RED, GREEN])
    later.recover()
    assert not usable(later, upload.upload_id)
    assert (later.root / "ann_smith-A").exists() is in_place
    if in_place:
        assert not any(first.main[0][-39:-7] in name for name in later.files())
    assert later.recover() == 0
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.UPLOAD_GONE):
        later.enrol("A", "Ann Smith", GREEN, upload=upload)


def test_files_written_for_a_row_that_was_replaced_meanwhile_end_up_in_its_new_folder(
    where: Where, tmp_path: Path
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    other = house.another()
    done: list[Enrolled] = []

    def overtake(step: str) -> None:
        if step == "files written" and not done:
            done.append(other.enrol("A", "Bea", BLUE, in_place=True))

    late = house.another(overtake).enrol("A", "Ann", GREEN)
    assert (late.person.path, late.main[0].split("/")[0], house.colours("A")) == ("bea-A", "bea-A", [BLUE, GREEN])
    assert not (house.root / "ann-A").exists()
    assert all((house.root / path).is_file() for path in late.main)


def test_recovery_leaves_an_enrolment_under_way_alone(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    seen: list[int] = []

    def recovers(step: str) -> None:
        seen.append(house.recover())

    during = house.another(recovers)
    during.enrol("A", "Ann", RED)
    assert (set(seen[:5]), house.colours("A"), house.recover()) == ({0}, [RED], 0)
    assert [name for name in house.files() if name.startswith(".pending")] == []


def test_old_files_of_no_enrolment_are_swept_and_young_and_foreign_ones_stay(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    kept = house.files()
    stray = house.root / "bob-B" / "faces" / ("e" * 32 + "_01.png")
    stray.parent.mkdir(parents=True)
    (house.root / "ann-A" / "holiday.jpg").write_bytes(b"an operator's own")
    half = house.root / "ann-A" / "source" / (".x.png.12345678.part")
    for path in (stray, half):
        path.write_bytes(b"half")
    now = stray.stat().st_mtime
    assert sweep(house.enrolments, house.uploads, house.kept, house.shelf.remove, 60, lambda: now + 30) == 0
    assert sweep(house.enrolments, house.uploads, house.kept, house.shelf.remove, 60, lambda: now + 90) == 2
    assert (house.files(), stray.parent.parent.exists()) == (sorted([*kept, "ann-A/holiday.jpg"]), False)


def test_files_of_a_removed_enrolment_that_come_back_are_swept(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    (house.root / "ann-A").rename(tmp_path / "away")
    house.forgetting.forget("A")
    (tmp_path / "away").rename(house.root / "ann-A")
    later = (house.root / "ann-A").stat().st_mtime + 90
    assert sweep(house.enrolments, house.uploads, house.kept, house.shelf.remove, 60, lambda: later) == 5
    assert house.files() == []


def test_an_upload_enrolled_before_a_crash_is_finished_by_the_next_try_and_not_enrolled_twice(
    where: Where, tmp_path: Path
) -> None:
    house = House(where, tmp_path)
    upload = house.upload("A", RED)
    assert ended(started(enrol_dying_at, "cleaned", where, tmp_path, "Ann", RED, upload.upload_id)) == [-signal.SIGKILL]
    later = house.another()
    assert usable(later, upload.upload_id)
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.UPLOAD_GONE):
        later.enrol("A", "Ann", RED, upload=upload)
    assert (usable(later, upload.upload_id), later.colours("A")) == (False, [RED])


def test_a_narrow_table_is_150_with_a_reason_and_nothing_stays(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path, names=PeopleNames(table="ready"))
    narrow = (
        "CREATE TABLE narrow (ID INTEGER PRIMARY KEY AUTO_INCREMENT, RECO_ID VARCHAR(12), "
        "RECO_NAME VARCHAR(12), RECO_PATH VARCHAR(40))"
    )
    if house.database.embedded:
        narrow = narrow.replace("AUTO_INCREMENT", "AUTOINCREMENT")
    house.execute(narrow)
    house = House(where, tmp_path, names=PeopleNames(table="narrow"), prepared=True)
    upload = house.upload("RECO_ID_123456", RED)
    with pytest.raises(Refusal) as caught:
        house.enrol("RECO_ID_123456", "ann", RED, upload=upload)
    assert caught.value.code is Code.INSERT_FAILED
    assert "RECO_ID" in caught.value.detail
    assert "VARCHAR(12)" in caught.value.detail
    assert (house.files(), house.people.all(), usable(house, upload.upload_id)) == ([], [], True)
    assert house.enrol("RECO_ID_1234", "ann", RED).person.key == 1


@pytest.mark.parametrize("column", ["id_col", "name_col", "path_col"])
def test_a_missing_column_or_table_is_150(where: Where, tmp_path: Path, column: str) -> None:
    house = House(where, tmp_path)
    for names in (PeopleNames(table="nowhere"), PeopleNames(**{column: "NOT_THERE"})):
        other = House(where, tmp_path, names=names, prepared=True)
        with pytest.raises(Refusal) as caught:
            other.enrol("A", "ann", RED)
        assert caught.value.code in (Code.INSERT_FAILED, Code.DB_DOWN)
    assert house.files() == []


def test_ids_compare_byte_for_byte(house: House) -> None:
    keys = {name: house.enrol(name, "ann", RED).person.key for name in ("RECO_ID_1", "reco_id_1", "Reco_Id_1")}
    assert len(set(keys.values())) == 3
    assert [house.people.find(name).key for name in keys] == list(keys.values())  # type: ignore[union-attr]
    assert [house.people.find(name) for name in ("RECO_id_1", "RECO_ID_1 ", " RECO_ID_1", "RECO_ID_\u0661")] == [
        None, None, None, None,
    ]  # fmt: skip


def test_the_columns_may_have_other_names_and_the_key_is_found_by_position(where: Where, tmp_path: Path) -> None:
    names = PeopleNames("select", "group", "Name", "table")
    house = House(where, tmp_path, names=names)
    done = house.enrol("A", "Ann", RED)
    house.enrol("A", "Ann B", GREEN, in_place=True)
    assert house.people.find("A") == Person(done.person.key, "A", "ann_b", "ann_b-A", "Ann B")


def test_a_row_that_leads_out_of_the_folder_is_113_and_never_written_to(house: House, tmp_path: Path) -> None:
    house.enrol("A", "Ann", RED)
    house.execute("UPDATE faceapp SET RECO_PATH = '../elsewhere'")
    with pytest.raises(Refusal) as caught:
        house.enrol("A", "Ann", GREEN)
    assert caught.value.code is Code.NO_FOLDER
    assert not (tmp_path / "elsewhere").exists()
    person = house.people.find("A")
    assert person is not None
    assert house.people.folder_exists(person) is False


def test_the_guard_sees_the_row_and_its_embeddings_and_can_refuse(house: House) -> None:
    seen: list[object] = []

    def guard(person: object, embeddings: object) -> None:
        seen.extend([person, embeddings])
        raise Refusal(Code.BAD_NAME)

    with pytest.raises(Refusal):
        house.enrol("A", "Ann", RED, guard=guard)
    assert (seen, house.people.find("A"), house.files()) == ([None, None], None, [])
    first = house.enrol("A", "Ann", RED)
    seen.clear()
    upload = house.upload("A", GREEN)
    with pytest.raises(Refusal):
        house.enrol("A", "Ann", GREEN, guard=guard, upload=upload)
    assert seen[0] == first.person
    assert seen[1]["Colour"].tolist() == [[201, 11, 11]]  # type: ignore[index]
    assert (house.colours("A"), usable(house, upload.upload_id)) == ([RED], True)


def test_an_id_whose_row_was_deleted_by_hand_starts_anew(house: House) -> None:
    house.enrol("A", "Ann", RED)
    house.execute("DELETE FROM faceapp")
    done = house.enrol("A", "Bea", GREEN)
    assert (done.existed, house.colours("A")) == (False, [GREEN])


def _enrol_some(where: Where, folder: Path, colour: int, barrier: Barrier) -> None:
    house = House(where, folder, prepared=True)
    barrier.wait(PATIENCE_S)
    for number in range(4):
        house.enrol("A", f"Ann {colour}", (colour, number, 0), in_place=number == 2)


@pytest.mark.slow
def test_two_processes_enrolling_one_id_come_one_after_the_other(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    barrier = context.Barrier(2)
    assert ended(*[started(_enrol_some, where, tmp_path, colour, barrier) for colour in (50, 100)]) == [0, 0]
    colours = house.colours("A")
    assert colours is not None
    assert len(house.people.all()) == 1
    assert sorted(colours)[-1] in {(50, 3, 0), (100, 3, 0)}
    person = house.people.find("A")
    assert person is not None
    on_disk = [name for name in house.files() if "/source/" in name and name.endswith(".png")]
    assert len(on_disk) == len(colours)
    assert all(name.startswith(f"{person.path}/") for name in on_disk)


def test_a_full_disk_is_157_and_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    calls: list[int] = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 6:
            raise OSError(28, "No space left on device")

    upload = house.upload("A", RED)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal) as caught:
        house.enrol("A", "Ann", RED, upload=upload)
    monkeypatch.undo()
    assert caught.value.code is Code.NO_SPACE
    assert (house.files(), usable(house, upload.upload_id)) == ([], True)
    assert house.enrol("A", "Ann", WHITE, upload=upload).existed is False


def test_a_folder_that_others_remove_before_a_file_is_in_it_is_made_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir, lost = Path.mkdir, [FileExistsError, FileNotFoundError] * 3

    def losing(path: Path, *arguments: Any, **named: Any) -> None:
        if path.name == "source" and lost:
            raise lost.pop()
        mkdir(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", losing)
    house.enrol("A", "Ann", RED)
    assert (lost, house.colours("A")) == ([], [RED])


def test_a_folder_that_goes_while_it_is_looked_through_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, scandir = tmp_path / "ann-A", os.scandir
    for name in ("faces", "source"):
        (place / name).mkdir(parents=True)
    (place / "source" / "one.png").write_bytes(b"")

    def going(path: Path) -> Any:
        if Path(path).name == "faces":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", going)
    assert files_in(place) == [place / "source" / "one.png"]
