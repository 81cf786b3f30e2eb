"""All of db/ with sealed files: everything works as without, and nothing on the disk tells whose it is."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from codes_dict import Code, Refusal
from db.files import files_in
from db.gallery.pickles import PickleStore
from db.replays import Replays
from db.schema import replay_bands, replay_faces, replays
from db.sent_photos import SentPhotos
from pipeline.ports import PhotoMark
from security.sealing import key_id, key_of
from tests.db_house import BLUE, GREEN, RED, House, Where, enrol_dying_at, forget_dying_at
from tests.processes import ended, started

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
ID, NAME = "RECO-7002", "Zebulon Quartermaine"


@pytest.fixture
def sealed(where: Where) -> Where:
    return replace(where, keys=(KEY,))


@pytest.fixture
def house(sealed: Where, tmp_path: Path) -> House:
    return House(sealed, tmp_path)


def everything(folder: Path) -> bytes:
    """Return the names and contents of all files below a folder."""
    return b" ".join(str(path).encode() + b" " + path.read_bytes() for path in files_in(folder))


def on_disk(house: House) -> list[Path]:
    return [path for root in (house.root, house.uploads.root) for path in files_in(root) if path.suffix != ".lock"]


def test_every_file_is_sealed_and_no_name_tells_anything(house: House) -> None:
    upload = house.upload(ID, RED, GREEN)
    done = house.enrol(ID, NAME, RED, GREEN, upload=upload)
    house.upload(ID, BLUE)
    SentPhotos(house.kept).add(ID, ["a" * 64])
    assert {key_of(path.read_bytes()) for path in on_disk(house)} == {key_id(KEY)}
    assert not any(word in everything(root) for root in (house.root, house.uploads.root) for word in (
        ID.encode(), b"ebulon", b"uartermaine", b"Colour_1",
    ))  # fmt: skip
    assert done.person.path == f"zebulon_quartermaine-{ID}"
    assert all(path.startswith(f"zebulon_quartermaine-{ID}/") for path in [*done.main, *done.aug])
    later = house.another()
    assert (later.colours(ID), later.people.folder_exists(done.person)) == ([RED, GREEN], True)
    assert SentPhotos(later.kept).of(ID) == {"a" * 64}


def test_embeddings_come_back_from_sealed_crops(house: House) -> None:
    house.enrol(ID, NAME, RED)
    for path in house.root.glob("*.pkl"):
        path.unlink()
    later = house.another()
    assert (later.colours(ID), later.models[0].calls) == ([RED], [1])
    assert house.another().gallery.compact() is True
    assert house.another().colours(ID) == [RED]


def test_the_four_enrolments_and_the_uploads_work(house: House) -> None:
    first = house.upload(ID, RED)
    assert [photo.data for photo in house.uploads.open(first.upload_id).load()] == [bytes(RED)]
    house.enrol(ID, NAME, RED, upload=first)
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.UPLOAD_GONE):
        house.uploads.open(first.upload_id)
    house.enrol(ID, NAME, GREEN)
    assert house.colours(ID) == [RED, GREEN]
    house.enrol(ID, "Another Name", BLUE, in_place=True)
    assert house.colours(ID) == [BLUE]
    assert len([path for path in house.root.iterdir() if path.is_dir() and path.name != ".pending"]) == 1
    assert house.recover() == 0
    assert (len(list(house.uploads.root.iterdir())), house.uploads.expire(2**40)) == (3, 3)


def test_a_photo_that_was_swapped_is_159(house: House) -> None:
    upload, other = house.upload(ID, RED), house.upload("B", GREEN)
    shutil.copy(other.folder / "0001.jpg", upload.folder / "0001.jpg")
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.SEAL_BROKEN):
        house.uploads.open(upload.upload_id).load()
    shutil.copy(other.folder / "manifest.json", upload.folder / "manifest.json")
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.SEAL_BROKEN):
        house.uploads.open(upload.upload_id)
    assert house.recover() == 0  # it waits without telling whose it is


def test_an_unsealed_photo_is_159(house: House) -> None:
    upload = house.upload(ID, RED)
    (upload.folder / "0001.jpg").write_bytes(bytes(RED))
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.SEAL_BROKEN):
        house.uploads.open(upload.upload_id).load()


def test_swapped_embeddings_and_crops_let_nobody_in_for_another(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.enrol("A", "Ann", RED)
    house.enrol("B", "Bob", GREEN)
    ours, theirs = ([path for path in house.root.glob("gallery_Colour*") if one in path.name] for one in tokens(house))
    shutil.copy(theirs[0], ours[0])
    assert house.another().colours("A") == [RED]  # computed again from the crops
    crops = [path for path in files_in(house.root) if path.parent.name == "source" and path.suffix == ".png"]
    first, second = (next(path for path in crops if one in path.name) for one in tokens(house))
    shutil.copy(second, first)
    for path in house.root.glob("*.pkl"):
        path.unlink()
    assert (house.another().colours("A"), house.another().colours("B")) == (None, [GREEN])
    assert "it is not what was sealed in its place" in caplog.text


def pictures(names: list[str]) -> list[str]:
    return [name for name in names if "gallery" not in name]


def tokens(house: House) -> list[str]:
    return [one.token for one in house.enrolments.changes(0).added]


def test_embeddings_of_another_key_are_refused_but_not_removed(house: House) -> None:
    house.enrol(ID, NAME, RED)
    before = sorted(house.root.glob("*.pkl"))
    wrong = House(replace(house.where, keys=(OTHER_KEY,)), house.folder, prepared=True)
    with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.SEAL_BROKEN):
        wrong.gallery.snapshot()
    assert sorted(house.root.glob("*.pkl")) == before


def test_forgetting_leaves_nothing(house: House) -> None:
    house.enrol("B", "Bob", GREEN)
    before = house.files()
    house.enrol(ID, NAME, RED)
    house.enrol(ID, NAME, BLUE)
    upload = house.upload(ID, GREEN)
    SentPhotos(house.kept).add(ID, ["a" * 64])
    Replays(house.database, 15, 40, 30, seal=house.kept.seal).claim(upload.upload_id, [MARK])
    house.gallery.compact()
    forgotten = house.forgetting.forget(ID)
    assert forgotten is not None
    assert (forgotten.counts["images"], forgotten.counts["uploads"], forgotten.counts["replay_marks"]) == (2, 3, 1)
    assert (len(list(house.uploads.root.iterdir())), house.another().colours("B")) == (1, [GREEN])
    assert pictures(house.files()) == pictures(before)
    embeddings = PickleStore(house.kept)
    assert all(set(embeddings.read_all(key)) == set(tokens(house)) for key in house.gallery._keys.values())


MARK = PhotoMark("e" * 64, bytes(range(1, 129)), faces=(bytes(range(37)),))


def test_hashes_of_used_photos_are_sealed_and_still_found(house: House) -> None:
    marks = Replays(house.database, 15, 40, 30, seal=house.kept.seal)
    near = replace(MARK, digest="d" * 64, hash=bytes([MARK.hash[0] ^ 1, *MARK.hash[1:]]))
    far = replace(MARK, digest="c" * 64, hash=bytes(255 - one for one in MARK.hash), views=MARK.faces)
    assert marks.claim("A-" + "0" * 32, [MARK]) == [False]
    assert marks.claim("A-" + "0" * 32, [MARK]) == [False]
    assert marks.claim("A-" + "1" * 32, [MARK, near, far]) == [True, True, True]
    assert marks.claim("A-" + "1" * 32, [replace(far, views=())]) == [False]
    with house.database.reading() as connection:
        rows = connection.execute(sa.select(replays.c.digest, replays.c.hash)).all()
        faces = connection.execute(sa.select(replay_faces.c.code)).scalars().all()
        bands = connection.execute(sa.select(replay_bands.c.bits)).scalars().all()
    assert ({key_of(row.hash) for row in rows}, {key_of(code) for code in faces}) == ({key_id(KEY)}, {key_id(KEY)})
    plain = {int.from_bytes(MARK.hash[at : at + 8], "big", signed=True) for at in range(0, 128, 8)}
    assert plain.isdisjoint(bands)
    assert not {row.digest for row in rows} & {MARK.digest, near.digest}


@pytest.mark.slow
@pytest.mark.parametrize("step", ["files written", "ready to commit", "committed", "cleaned"])
def test_kill_9_while_enrolling_leaves_the_old_state_or_the_new_one(sealed: Where, tmp_path: Path, step: str) -> None:
    house = House(sealed, tmp_path)
    house.enrol(ID, "Ann", RED)
    before, upload_id = house.files(), house.upload(ID, GREEN).upload_id
    dying = started(enrol_dying_at, step, sealed, tmp_path, "Ann Smith", GREEN, upload_id, True)
    assert ended(dying) == [-signal.SIGKILL]
    later, is_done = house.another(), step in ("committed", "cleaned")
    assert later.colours(ID) == ([GREEN] if is_done else [RED])
    assert later.recover() > 0
    assert (later.recover(), later.files() == before, later.colours(ID)) == (
        0, not is_done, [GREEN] if is_done else [RED],
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("step", ["ready to commit", "committed", "files removed"])
def test_kill_9_while_forgetting_is_finished_later(sealed: Where, tmp_path: Path, step: str) -> None:
    house = House(sealed, tmp_path)
    house.enrol(ID, NAME, RED)
    assert ended(started(forget_dying_at, step, sealed, tmp_path, ID)) == [-signal.SIGKILL]
    later = house.another()
    if step == "ready to commit":
        assert later.colours(ID) == [RED]
        later.forgetting.forget(ID)
    assert later.forgetting.finish_all() == (0 if step == "ready to commit" else 1)
    assert (later.colours(ID), later.files(), os.listdir(later.uploads.root)) == (None, [], [])  # noqa: PTH208
