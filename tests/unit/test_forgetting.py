"""Forgetting: every trace goes, or after a crash the next start removes it. On servers in tests/mysql."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from codes_dict import Code, Outcome, Refusal
from db.acceptances import Acceptances
from db.challenges import Challenges
from db.installation import PSEUDONYMS, RECEIPTS, own_key
from db.replays import Replays
from db.same_people import SamePeople
from pipeline.ports import AuditEvent, EnrolmentRequest, PhotoMark, Terms
from security.receipts import is_genuine, make_receipt, receipt_name
from tests.db_house import BLUE, GREEN, RED, WHITE, House, Where, die_at, forget_dying_at, raise_at, reply
from tests.processes import ended, started

ID, NAME, OTHER = "RECO-ID_77", "Zebulon Quartermaine", "RECO-ID_77-B"
BEFORE_COMMIT = ("planned", "ready to commit")
AFTER_COMMIT = ("committed", "uploads removed", "files removed", "embeddings removed", "note deleted")
MARK = PhotoMark("d" * 64, bytes(range(100, 228)), (bytes(range(200, 163, -1)),))


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def live_through_everything(house: House, person_id: str = ID, name: str = NAME) -> None:
    """Leave every kind of trace that a person can leave."""
    first = house.upload(person_id, RED, GREEN)
    terms = Terms(f"consent of {name}", 4_000_000_000)
    request = EnrolmentRequest(person_id, name, False, first, house.faces(RED, GREEN), [MARK], reply, terms=terms)
    house.enroller.enrol(request)
    house.enrol(person_id, name, BLUE)
    house.enrol(person_id, f"{name} again", WHITE, in_place=True)
    house.gallery.compact()
    house.enrol(person_id, name, BLUE)
    verified = house.upload(person_id, GREEN)
    Replays(house.database, 15, 40, 30).claim(verified.upload_id, [PhotoMark("e" * 64, bytes(range(1, 129)))])
    Acceptances(house.database, house.audit).accept(
        verified.upload_id, Outcome(Code.VERIFIED, {"name": name}), AuditEvent("verify", person_id, 200)
    )
    Challenges(house.database, 60).issue(person_id, ["turn_left"])
    (house.root / house.people.find(person_id).path / "holiday.jpg").write_bytes(b"an operator's own")  # type: ignore[union-attr]


def traces(house: House, *needles: bytes) -> list[tuple[str, bytes]]:
    """Return where one of these stands: in names and contents of all files, the database's among them."""
    found: list[tuple[str, bytes]] = []
    for path in house.folder.rglob("*"):
        content = str(path.relative_to(house.folder)).encode() + b" " + (path.read_bytes() if path.is_file() else b"")
        found += [(path.name, needle) for needle in needles if needle.lower() in content.lower()]
    return found


def windows(data: bytes, width: int = 24) -> list[bytes]:
    """Return 20 parts of a photo or embedding."""
    places = np.linspace(0, max(len(data) - width, 0), 20).astype(int)
    return [data[place : place + width] for place in dict.fromkeys(places)]


def needles(house: House) -> list[bytes]:
    """Return the name, the ID, and windows of each photo and embedding as they are on the disk now."""
    person = house.gallery.snapshot().person(ID)
    assert person is not None
    crops = [path.read_bytes() for path in house.root.rglob("*.png") if ID in str(path)]
    words = [NAME.encode(), b"zebulon", ID.encode(), MARK.digest.encode(), MARK.hash[:24], MARK.faces[0][:24]]
    data = [*crops, *(np.ascontiguousarray(row, "<f4").tobytes() for rows in person.values() for row in rows)]
    others = b"".join(path.read_bytes() for path in house.root.rglob("*.png") if ID not in str(path))
    return [
        *words,
        *(window for one in data for window in windows(one) if len(set(window)) > 6 and window not in others),
    ]


def test_nothing_is_left_of_a_forgotten_person_in_any_byte(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.enrol("Other", "Somebody Else", (40, 90, 70))
    live_through_everything(house)
    SamePeople(house.database).link("Other", ID)
    words = needles(house)
    assert {word for _, word in traces(house, *words)} == set(words)
    assert len(words) > 20
    forgotten = house.forgetting.forget(ID)
    assert forgotten is not None
    assert traces(house, *words) == []
    assert not any(word.decode() in caplog.text for word in words[:3])
    assert house.colours("Other") == [(40, 90, 70)]
    assert forgotten.counts == {
        "images": 2, "augmentations": 4, "source_crops": 2, "other_files": 3, "uploads": 5, "uploaded_photos": 6,
        "rows": 1, "enrolments": 4, "names": 1, "links": 1, "announcements": 0, "challenges": 1, "replay_marks": 2,
        "outcomes": 1, "acceptances": 1, "terms": 1, "audit_keys": 1, "embeddings": 4,
    }  # fmt: skip


def test_the_receipt_names_nobody_and_any_change_shows(house: House) -> None:
    live_through_everything(house)
    key = own_key(house.database, RECEIPTS)
    assert own_key(house.another().database, RECEIPTS) == key != own_key(house.database, PSEUDONYMS)
    forgotten = house.forgetting.forget(ID)
    assert forgotten is not None
    name = receipt_name(own_key(house.database, PSEUDONYMS), ID)
    receipt = make_receipt(key, name, forgotten.counts, 1_000_000_000.0)
    assert is_genuine(key, receipt)
    assert (receipt["time"], receipt["person"]) == ("2001-09-09T01:46:40+00:00", name)
    assert not any(word in str(receipt) for word in (ID, NAME, "zebulon"))
    for name, value in {
        "person": receipt_name(bytes(32), OTHER),
        "removed": {"images": 0},
        "signature": "",
        "more": 1,
    }.items():
        assert not is_genuine(key, {**receipt, name: value})
    assert not is_genuine(bytes(32), receipt)


def test_an_id_that_goes_on_where_another_ends_keeps_everything(house: House) -> None:
    live_through_everything(house, OTHER, "Bea")
    live_through_everything(house)
    before = [name for name in house.files() if name.startswith("bea")]
    house.forgetting.forget(ID)
    assert [name for name in house.files() if name.startswith("bea")] == before
    assert (house.colours(OTHER), house.colours(ID)) == ([WHITE, BLUE], None)
    assert house.another().enrolments.people()[1] == 1
    assert len(list(house.uploads.root.iterdir())) == 5


def test_of_a_folder_that_others_use_only_ones_own_files_go(house: House) -> None:
    house.enrol("A", "Ann", RED)
    house.enrol("B", "Bea", GREEN)
    house.execute("UPDATE faceapp SET RECO_PATH = 'ann-A' WHERE RECO_ID = 'B'")
    house.enrol("B", "Bea", BLUE)
    house.forgetting.forget("A")
    assert house.colours("B") == [GREEN, BLUE]
    assert len([name for name in house.files() if name.startswith("ann-A")]) == 5


def test_an_id_of_which_nothing_is_stored_is_unknown_and_leaves_no_trace(house: House) -> None:
    assert house.forgetting.forget("Stranger") is None
    house.database.scrub()
    assert traces(house, b"Stranger") == []


def test_an_id_that_has_only_uploads_is_forgotten(house: House) -> None:
    house.upload("A", RED)
    forgotten = house.forgetting.forget("A")
    assert forgotten is not None
    assert (forgotten.counts["uploads"], list(house.uploads.root.iterdir())) == (1, [])


def test_another_process_no_longer_finds_the_person(house: House) -> None:
    live_through_everything(house)
    other = house.another()
    assert other.colours(ID) == [WHITE, BLUE]
    house.forgetting.forget(ID)
    assert (other.colours(ID), other.gallery.snapshot().people) == (None, 0)


def test_a_forgotten_person_can_be_enrolled_again(house: House) -> None:
    live_through_everything(house)
    house.forgetting.forget(ID)
    assert house.enrol(ID, "New Name", RED).existed is False
    assert house.colours(ID) == [RED]


@pytest.mark.parametrize("step", BEFORE_COMMIT)
def test_a_failure_before_the_commit_leaves_everything(where: Where, tmp_path: Path, step: str) -> None:
    house = House(where, tmp_path)
    live_through_everything(house)
    files, person = house.files(), house.people.find(ID)
    with pytest.raises(OSError, match="made to fail"):
        house.another(raise_at(step)).forgetting.forget(ID)
    assert (house.files(), house.people.find(ID), house.colours(ID)) == (files, person, [WHITE, BLUE])


@pytest.mark.parametrize("step", AFTER_COMMIT[:-1])
def test_while_files_are_removed_nobody_is_enrolled_under_the_id(where: Where, tmp_path: Path, step: str) -> None:
    house = House(where, tmp_path)
    live_through_everything(house)
    upload = house.upload(ID, RED)
    with pytest.raises(OSError, match="made to fail"):
        house.another(raise_at(step)).forgetting.forget(ID)
    with pytest.raises(Refusal) as caught:
        house.enrol(ID, NAME, RED, upload=upload)
    assert caught.value.code is Code.BUSY
    assert house.forgetting.finish_all() == 1
    with pytest.raises(Refusal) as caught:
        house.enrol(ID, NAME, RED, upload=upload)
    assert caught.value.code is Code.UPLOAD_GONE
    assert [name for name in house.files() if ID in name] == []


def test_who_is_enrolled_after_maintenance_was_faster_than_the_request_stays(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    live_through_everything(house)

    def be_overtaken(name: str) -> None:
        if name == "committed":
            assert house.forgetting.finish_all() == 1
            upload, terms = house.upload(ID, RED), Terms("new consent", 4_000_000_000)
            request = EnrolmentRequest(ID, f"{NAME} again", False, upload, house.faces(RED), [MARK], reply, terms=terms)
            house.enroller.enrol(request)

    forgotten = house.another(be_overtaken).forgetting.forget(ID)
    assert forgotten
    assert forgotten.counts["rows"] == 1
    assert house.gallery.rebuild()
    assert (house.colours(ID), house.people.terms(ID)) == ([RED], Terms("new consent", 4_000_000_000))
    assert house.enrolments.outcome(house.enrolments.of_people([ID])[0].upload_id)


def test_one_person_who_cannot_be_forgotten_keeps_nobody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, person_id in enumerate(("A", "B", "C")):
        upload, over = house.upload(person_id, RED), Terms("", number)
        house.enroller.enrol(EnrolmentRequest(person_id, "Ann", False, upload, house.faces(RED), terms=over))
    remove = house.forgetting.faces.remove_all
    monkeypatch.setattr(house.forgetting.faces, "remove_all", lambda folder: folder != "ann-A" and remove(folder))
    with pytest.raises(Refusal) as caught:
        house.forgetting.forget_due()
    assert (caught.value.code, house.people.all()) == (Code.NO_SPACE, [])
    monkeypatch.undo()
    assert (house.forgetting.finish_all(), house.forgetting.finish_all()) == (1, 0)


def test_while_the_folder_of_uploads_is_away_nobody_is_forgotten(house: House) -> None:
    house.enrol(ID, NAME, RED)
    house.uploads.root.rename(house.folder / "away")
    with pytest.raises(Refusal) as caught:
        house.forgetting.forget(ID)
    assert (caught.value.code, house.colours(ID)) == (Code.NO_SPACE, [RED])


@pytest.mark.slow
@pytest.mark.parametrize("step", [*BEFORE_COMMIT, *AFTER_COMMIT])
def test_kill_9_leaves_everything_or_nothing_after_the_next_start(where: Where, tmp_path: Path, step: str) -> None:
    house = House(where, tmp_path)
    live_through_everything(house)
    words, before = needles(house), house.files()
    house.database.dispose()
    assert ended(started(forget_dying_at, step, where, tmp_path, ID)) == [-signal.SIGKILL]
    later = house.another()
    assert later.colours(ID) == ([WHITE, BLUE] if step in BEFORE_COMMIT else None)
    assert later.forgetting.finish_all() == (0 if step in (*BEFORE_COMMIT, "note deleted") else 1)
    later.database.scrub()
    if step in BEFORE_COMMIT:
        assert later.files() == before
        return
    assert traces(later, *words) == []
    assert later.recover() == 0


@pytest.mark.slow
def test_what_a_killed_enrolment_left_is_forgotten_too(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    live_through_everything(house)
    house.database.dispose()
    assert ended(started(enrol_dying_at_the_segments, where, tmp_path)) == [-signal.SIGKILL]
    later = house.another()
    later.forgetting.forget(ID)
    assert traces(later, ID.encode(), b"zebulon") == []


def enrol_dying_at_the_segments(where: Where, folder: Path) -> None:
    house = House(where, folder, step=die_at("segments written"), prepared=True)
    house.enrol(ID, NAME, GREEN)
