"""Sealing what is there, changing the key and unsealing: under load, and killed anywhere, nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.files import files_in
from db.rekey import Progress, Rekeying
from db.replays import Replays
from db.sent_photos import SentPhotos
from db.uploads import dated_by
from pipeline.ports import PhotoMark
from security.sealing import NO_KEY, key_id, key_of
from tests.db_house import BLUE, GREEN, RED, WHITE, House, Where, die_at
from tests.processes import ended, started

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
STEPS = [
    "embeddings written", "faces written", "old faces removed", "upload copied", "upload appeared", "old upload hidden",
    "marks written", "note written",
]  # fmt: skip
STEPS_OF = {
    "seal": STEPS,
    "new key": ["embeddings written", "faces written", "upload replaced", "marks written"],
    "unseal": ["faces written", "upload appeared"],
}
KILLS = int(os.environ.get("FACEAPP_KILLS", "3"))
"""Kills at random moments; 50 for the full size."""

Keys = tuple[bytes | None, ...]
CHANGES = {"seal": (None, NEW), "new key": (OLD, NEW), "unseal": (OLD, None)}
MARK = PhotoMark("e" * 64, bytes(range(1, 129)), faces=(bytes(range(37)),))


def with_keys(where: Where, *keys: bytes | None) -> Where:
    return replace(where, keys=keys)


def rekeying(house: House, step: Callable[[str], None] = lambda _name: None) -> Rekeying:
    return Rekeying(house.database, house.people, house.enrolments, house.kept, house.uploads.kept, step)


def pass_over(where: Where, folder: Path, step: Callable[[str], None] = lambda _name: None) -> Progress:
    return rekeying(House(where, folder, prepared=True), step).run()


def pass_dying_at(step: str, where: Where, folder: Path) -> None:
    """Do a pass in a process that kills itself at a step; for `tests.processes`."""
    pass_over(where, folder, die_at(step))


def passes(where: Where, folder: Path, after_s: float) -> None:
    """Do passes, and be killed some time; for `tests.processes`."""
    threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    while True:
        pass_over(where, folder)


class Store:
    """Two people, an upload that waits, a used one, a mark, a note, an operator's own picture."""

    def __init__(self, where: Where, folder: Path) -> None:
        house = House(where, folder)
        house.enrol("A", "Ann", RED, GREEN)
        house.enrol("B", "Bob", WHITE)
        house.gallery.compact()
        house.enrol("A", "Ann", BLUE)
        self.folder, self.upload_id = folder, house.upload("A", WHITE, RED).upload_id
        os.utime(dated_by(house.uploads.open(self.upload_id).folder), (1000, 1000))
        Replays(house.database, 15, 40, 30, seal=house.kept.seal).claim("A-" + "0" * 32, [MARK])
        SentPhotos(house.kept).add("A", ["a" * 64])
        self.own = house.kept.folders("ann-A")[0] / "holiday" / "Ann Smith.jpg"
        house.kept.write({self.own: b"an operator's own"})

    def check(self, where: Where) -> House:
        """Everything is there, with these keys."""
        house = House(where, self.folder, prepared=True)
        assert (house.colours("A"), house.colours("B")) == ([RED, GREEN, BLUE], [WHITE])
        for one in house.enrolments.changes(0).added:
            crops = house.gallery._faces.crops(one)
            assert crops is not None
            assert len(crops) == one.images
        upload = house.uploads.open(self.upload_id)
        assert ([photo.data for photo in upload.load()], dated_by(upload.folder).stat().st_mtime) == (
            [bytes(WHITE), bytes(RED)], 1000.0,
        )  # fmt: skip
        assert Replays(house.database, 15, 40, 30, seal=house.kept.seal).claim("B-" + "0" * 32, [MARK]) == [True]
        assert SentPhotos(house.kept).of("A") == {"a" * 64}
        return house

    def forms(self) -> set[str]:
        """Return the keys that files are sealed with."""
        roots = (self.folder / "people", self.folder / "uploads")
        found = [path for root in roots for path in files_in(root) if path.suffix != ".lock"]
        return {key_of(path.read_bytes()) for path in found}


@pytest.mark.parametrize("change", CHANGES)
def test_a_pass_changes_everything_and_a_second_one_nothing(where: Where, tmp_path: Path, change: str) -> None:
    before, after = CHANGES[change]
    store, both = Store(with_keys(where, before), tmp_path), with_keys(where, after, before)
    store.check(both)
    done = pass_over(both, tmp_path)
    assert (done.changed > 20, done.waiting, done.broken) == (True, 0, 0)
    assert pass_over(both, tmp_path) == Progress()
    assert store.forms() == {key_id(after)}
    house = store.check(with_keys(where, after))
    assert (rekeying(house).strangers(), house.recover()) == (0, 0)
    names = " ".join(str(path) for root in (house.root, house.uploads.root) for path in files_in(root))
    assert ("Ann Smith" in names, "ann-A" in names, "/A-" in names) == ((after is None,) * 3)
    assert (house.root / "bob-B").exists() is (after is None)


def test_what_was_sealed_and_unsealed_again_is_as_it_was(where: Where, tmp_path: Path) -> None:
    store = Store(where, tmp_path)
    before = {path: path.read_bytes() for path in files_in(tmp_path / "people")}
    for keys in ((OLD, None), (NEW, OLD), (None, NEW)):
        pass_over(with_keys(where, *keys), tmp_path)
    assert {path: path.read_bytes() for path in files_in(tmp_path / "people")} == before
    assert store.own in before
    store.check(where)


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_any_step_everything_is_there_and_the_next_pass_finishes(
    where: Where, tmp_path: Path, change: str
) -> None:
    before, after = CHANGES[change]
    store, both = Store(with_keys(where, before), tmp_path), with_keys(where, after, before)
    for step in STEPS_OF[change]:
        assert ended(started(pass_dying_at, step, both, tmp_path)) == [-signal.SIGKILL], step
        store.check(both)
    while pass_over(both, tmp_path).changed:
        pass
    house = store.check(with_keys(where, after))
    house.uploads.sweep(0)
    assert store.forms() == {key_id(after)}


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost(where: Where, tmp_path: Path) -> None:
    store, keys = Store(where, tmp_path), [None, OLD, NEW]
    draw = random.Random(7)
    both = with_keys(where, OLD, None)
    for number in range(KILLS):
        before, after = keys[number % 3], keys[(number + 1) % 3]
        both = with_keys(where, after, before)
        assert ended(started(passes, both, tmp_path, draw.uniform(0.02, 0.5))) == [-signal.SIGKILL]
        store.check(both)
        while pass_over(both, tmp_path).changed:
            pass
        store.check(with_keys(where, after))


class Worker(threading.Thread):
    """Uploads, enrols in all ways, forgets and reads until it is told to stop."""

    def __init__(self, number: int, where: Where, store: Store) -> None:
        super().__init__()
        self.number, self.store, self.house = number, store, House(where, store.folder, prepared=True)
        self.enrolled, self.is_over, self.fault = set[str](), False, ""

    def run(self) -> None:
        """Work."""
        turn = 0
        try:
            while not self.is_over:
                self.work(f"P{self.number}-{turn % 5}", turn)
                turn += 1
        except BaseException as fault:  # noqa: BLE001 - shown by the test
            self.fault = repr(fault)

    def work(self, person_id: str, turn: int) -> None:
        """Do everything once."""
        upload = self.house.upload(person_id, RED)
        assert self.house.uploads.open(upload.upload_id).load()
        self.house.enrol(person_id, "Somebody", RED, in_place=turn % 2 == 1, upload=upload)
        self.enrolled.add(person_id)
        if turn % 3 == 2:
            self.house.forgetting.forget(person_id)
            self.enrolled.discard(person_id)
        assert len(self.house.uploads.open(self.store.upload_id).load()) == 2


@pytest.mark.parametrize("change", CHANGES)
def test_under_load_nothing_fails_and_nothing_is_lost(where: Where, tmp_path: Path, change: str) -> None:
    before, after = CHANGES[change]
    store, both = Store(with_keys(where, before), tmp_path), with_keys(where, after, before)
    workers = [Worker(number, both, store) for number in range(3)]
    for worker in workers:
        worker.start()
    try:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            pass_over(both, tmp_path)
    finally:
        for worker in workers:
            worker.is_over = True
        for worker in workers:
            worker.join()
    assert [worker.fault for worker in workers] == ["", "", ""]
    while pass_over(both, tmp_path).changed:
        pass
    house, enrolled = store.check(with_keys(where, after)), set[str]().union(*(one.enrolled for one in workers))
    assert {person.id for person in house.people.all()} == {"A", "B", *enrolled}
    assert all(set(house.colours(person_id) or ()) == {RED} for person_id in enrolled)
    assert (house.recover(), store.forms()) == (0, {key_id(after)})


def test_what_does_not_open_is_counted_and_left_and_an_enrolment_in_progress_waits(
    where: Where, tmp_path: Path
) -> None:
    store, both = Store(with_keys(where, OLD), tmp_path), with_keys(where, NEW, OLD)
    house = House(both, tmp_path, prepared=True)
    folder = house.kept.folders("ann-A")[0]
    swapped = next(path for path in files_in(folder) if path.parent.name == "faces")
    swapped.write_bytes(next(path for path in files_in(folder) if path.parent.name == "source").read_bytes())
    before = swapped.read_bytes()
    in_progress = folder / "faces" / ("f" * 32 + "_01.png")
    House(with_keys(where, OLD), tmp_path, prepared=True).kept.write({in_progress: b"of an enrolment in progress"})
    done = pass_over(both, tmp_path)
    assert (done.broken, done.waiting, swapped.read_bytes()) == (1, 1, before)
    in_progress.unlink()
    assert pass_over(both, tmp_path) == Progress(0, 0, 1)
    assert store.forms() == {key_id(OLD), key_id(NEW)}


def test_who_is_being_forgotten_is_not_written_anew(where: Where, tmp_path: Path) -> None:
    Store(where, tmp_path)

    def interrupted(name: str) -> None:
        if name == "committed":
            raise OSError("killed")

    dying = House(where, tmp_path, step=interrupted, prepared=True)
    with pytest.raises(OSError, match="killed"):
        dying.forgetting.forget("A")
    both = House(with_keys(where, OLD, None), tmp_path, prepared=True)
    folders, progress = rekeying(both)._folders, Progress()
    folders._folder("ann-A", ["A"], progress)  # as if A had been listed before
    assert (progress, len(files_in(both.root / "ann-A")) > 10) == (Progress(waiting=1), True)
    rekeying(both).run()
    both.forgetting.finish_all()
    assert (both.colours("A"), both.colours("B")) == (None, [WHITE])
    rekeying(both).run()
    found = [str(path) for path in files_in(both.root)]
    assert not [path for path in found if "ann-A" in path]
    assert len([path for path in both.root.iterdir() if path.is_dir() and not path.name.startswith(".")]) == 1
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.UPLOAD_GONE):
        both.uploads.open("A-" + "0" * 32)
    assert NO_KEY not in {key_of(path.read_bytes()) for path in files_in(both.root) if path.suffix == ".png"}


def test_an_upload_that_ends_while_it_is_copied_does_not_come_back(where: Where, tmp_path: Path) -> None:
    both = House(with_keys(where, OLD, None), tmp_path)
    old = House(where, tmp_path, prepared=True).upload("A", RED)

    def ends(name: str) -> None:
        if name == "upload appeared":
            shutil.rmtree(old.folder)

    assert rekeying(both, ends).run() == Progress(changed=3, waiting=1)
    assert list(both.uploads.root.iterdir()) == []


def test_an_upload_whose_copy_appears_while_it_is_opened_is_found(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = House(with_keys(where, OLD, None), tmp_path)
    upload_id = House(where, tmp_path, prepared=True).upload("A", RED).upload_id
    is_dir, asked = Path.is_dir, list[Path]()

    def moved_meanwhile(path: Path) -> bool:
        found = is_dir(path)
        asked.append(path)
        if len(asked) == 1:
            rekeying(both).run()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_dir", moved_meanwhile)
        upload = both.uploads.open(upload_id)
    assert [photo.data for photo in upload.load()] == [bytes(RED)]


def test_a_person_s_folder_inside_another_s_keeps_its_files(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    done = house.enrol("B", "Bob", GREEN)
    inner, outer = f"{done.person.path}", "ann-A"
    (house.root / inner).rename(house.root / outer / "inner")
    house.execute("UPDATE faceapp SET RECO_PATH = 'ann-A/inner' WHERE RECO_ID = 'B'")
    house.execute("UPDATE faceapp_enrolments SET folder = 'ann-A/inner' WHERE reco_id = 'B'")
    for keys in ((OLD, None), (None, OLD)):
        pass_over(with_keys(where, *keys), tmp_path)
        for path in house.root.glob("*.pkl"):
            path.unlink()
        later = House(with_keys(where, keys[0]), tmp_path, prepared=True)
        assert (later.colours("A"), later.colours("B")) == ([RED], [GREEN])
    assert (house.root / "ann-A" / "inner" / "source").is_dir()
