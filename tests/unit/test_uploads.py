"""Uploads: kept whole or not at all, opened only by their exact id, used once."""

from __future__ import annotations

import json
import os
import re
import tracemalloc
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db import files
from db.kept import UPLOADS, KeptFiles
from db.uploads import MANIFEST, UploadStore, dated_by
from pipeline.ports import NewImage, StoredImage
from tests.processes import ended, started

ONE = NewImage(b"first", "jpg", "d1", 7.5, name="Jos\u00e9 ../1.jpg")
TWO = NewImage(b"second", "png", "d2", 8.0)


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    return UploadStore(KeptFiles(tmp_path, UPLOADS))


def code_of_opening(store: UploadStore, upload_id: str) -> Code | None:
    try:
        store.open(upload_id)
    except Refusal as refusal:
        return refusal.code
    return None


def test_what_was_kept_comes_back_in_order(store: UploadStore) -> None:
    made = store.create("RECO-ID.1", [ONE, TWO])
    assert re.fullmatch(r"RECO-ID\.1-[0-9a-f]{32}", made.upload_id)
    upload = store.open(made.upload_id)
    assert (upload.id, upload.upload_id) == ("RECO-ID.1", made.upload_id)
    assert list(upload.images) == [
        StoredImage("0001.jpg", "d1", 7.5, "Jos\u00e9 ../1.jpg"),
        StoredImage("0002.png", "d2", 8.0, ""),
    ]
    assert [photo.data for photo in upload.load()] == [b"first", b"second"]


def test_two_uploads_of_one_id_never_share_a_folder(store: UploadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({store.create("A", [ONE]).upload_id for _ in range(20)}) == 20
    monkeypatch.setattr("db.uploads.secrets.token_hex", lambda count: f"{count:0{2 * count}x}")
    assert store.create("A", [ONE]).upload_id == f"A-{16:032x}"  # 128 bits that nobody can guess


def test_an_upload_of_another_id_is_189(store: UploadStore) -> None:
    suffix = store.create("A", [ONE]).upload_id.removeprefix("A-")
    assert [code_of_opening(store, f"{name}-{suffix}") for name in ("A", "B", "AA")] == [
        None, Code.UPLOAD_GONE, Code.UPLOAD_GONE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "upload_id",
    [
        "", "A", "A-", "-" + "0" * 32, "A-" + "0" * 31, "A-" + "0" * 33, "A-" + "G" * 32, "A-" + "0" * 32,
        "../A-" + "0" * 32, "x/../A-" + "0" * 32, "A-" + "0" * 32 + "\n", "A-" + "0" * 32 + "/", ".A-" + "0" * 32,
        "A\0-" + "0" * 32, "\u0661-" + "0" * 32, "A-" + "\u0661" * 32, "x" * 65 + "-" + "0" * 32, "A" * 10000,
        "A-" + "0" * 32 + "_UPLOADED_TO_DB",
    ],
)  # fmt: skip
def test_a_malformed_or_unknown_upload_id_is_189(store: UploadStore, upload_id: str) -> None:
    assert code_of_opening(store, upload_id) is Code.UPLOAD_GONE


def test_an_upload_id_does_not_lead_out_of_the_folder_by_a_link(store: UploadStore, tmp_path: Path) -> None:
    outside = UploadStore(KeptFiles(tmp_path / "other", UPLOADS))
    foreign = outside.create("A", [ONE])
    (store.root / foreign.upload_id).symlink_to(foreign.folder)
    assert code_of_opening(store, foreign.upload_id) is Code.UPLOAD_GONE


def test_a_used_upload_is_189_and_marking_it_twice_is_harmless(store: UploadStore) -> None:
    upload = store.create("A", [ONE])
    store.mark_used(upload.upload_id)
    store.mark_used(upload.upload_id)
    assert code_of_opening(store, upload.upload_id) is Code.UPLOAD_GONE
    assert code_of_opening(store, f"{upload.upload_id}_UPLOADED_TO_DB") is Code.UPLOAD_GONE
    assert [path.name for path in store.root.iterdir()] == [f"{upload.upload_id}_UPLOADED_TO_DB"]


@pytest.mark.parametrize(
    "manifest", [None, b"", b"{", b"[]", b'{"images": 5}', b'{"images": [{"x": 1}]}', b'{"images": []}']
)
def test_without_a_manifest_there_are_no_images(store: UploadStore, manifest: bytes | None) -> None:
    upload = store.create("A", [ONE])
    path = upload.folder / "manifest.json"
    path.unlink() if manifest is None else path.write_bytes(manifest)
    with pytest.raises(Refusal) as caught:
        store.open(upload.upload_id).load()
    assert caught.value.code is Code.NO_IMAGES


def test_an_upload_of_before_names_no_client_files(store: UploadStore) -> None:
    upload = store.create("A", [ONE])
    path = upload.folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["images"][0]["name"]
    path.write_text(json.dumps(content))
    assert store.open(upload.upload_id).images == (StoredImage("0001.jpg", "d1", 7.5),)


def test_a_manifest_cannot_name_a_file_elsewhere(store: UploadStore) -> None:
    upload = store.create("A", [ONE, TWO])
    path = upload.folder / "manifest.json"
    path.write_text(path.read_text().replace("0001.jpg", "../../secret.jpg"))
    assert [image.saved_as for image in store.open(upload.upload_id).images] == ["0002.png"]


def test_some_files_gone_is_153_and_named_and_all_gone_is_111(store: UploadStore) -> None:
    upload = store.create("A", [ONE, TWO])
    (upload.folder / "0002.png").unlink()
    with pytest.raises(Refusal) as some:
        store.open(upload.upload_id).load()
    assert (some.value.code, "0002.png" in some.value.detail) == (Code.IMAGE_MISSING, True)
    (upload.folder / "0001.jpg").unlink()
    with pytest.raises(Refusal) as every:
        store.open(upload.upload_id).load()
    assert every.value.code is Code.NO_IMAGES


@pytest.mark.parametrize("when", ["manifest.json", "0001.jpg", "0002.png"])
def test_an_upload_that_is_used_or_ends_while_it_is_read_is_189(
    store: UploadStore, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    upload = store.create("A", [ONE, TWO])
    usual = KeptFiles.read

    def read(kept: KeptFiles, path: Path) -> bytes | None:
        if path.name == when:
            store.mark_used(upload.upload_id)
        return usual(kept, path)

    monkeypatch.setattr(KeptFiles, "read", read)
    with pytest.raises(Refusal) as caught:
        store.open(upload.upload_id).load()
    assert caught.value.code is Code.UPLOAD_GONE


def test_a_full_disk_is_157_and_leaves_nothing_half(store: UploadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal) as caught:
        store.create("A", [ONE, TWO])
    assert (caught.value.code, list(store.root.iterdir())) == (Code.NO_SPACE, [])


def test_a_missing_or_replaced_upload_folder_is_157(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file where the folder was")
    with pytest.raises(Refusal) as caught:
        UploadStore(KeptFiles(tmp_path / "uploads", UPLOADS)).create("A", [ONE])
    assert caught.value.code is Code.NO_SPACE


@pytest.mark.parametrize("person_id", ["", "a/b", "..", ".a", "a b", "x" * 65])
def test_an_id_that_is_no_folder_name_is_a_programming_error(store: UploadStore, person_id: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        store.create(person_id, [ONE])
    assert list(store.root.iterdir()) == []


def test_staged_leftovers_are_no_uploads_and_are_swept_when_old(store: UploadStore) -> None:
    staged = store.root / (".A-" + "0" * 32 + ".part")
    staged.mkdir()
    (staged / "0001.jpg").write_bytes(b"half")
    kept = store.create("B", [ONE])
    assert list(store.waiting()) == [kept.upload_id]
    assert (store.sweep(staged.stat().st_mtime - 1), staged.exists()) == (0, True)
    assert (store.sweep(staged.stat().st_mtime + 1), staged.exists()) == (1, False)
    assert code_of_opening(store, kept.upload_id) is None


def test_uploads_end_whether_they_were_used_or_not_and_younger_ones_stay(store: UploadStore) -> None:
    used, unused, young = (store.create("A-1", [ONE, TWO]) for _ in range(3))
    store.mark_used(used.upload_id)
    foreign = store.root / "holiday-photos"
    foreign.mkdir()
    (unused.folder / MANIFEST).unlink()
    for path in (dated_by(store.root / f"{used.upload_id}_UPLOADED_TO_DB"), unused.folder, foreign):
        os.utime(path, (1000, 1000))
    assert (store.expire(1000), store.expire(1001)) == (0, 2)
    assert {path.name for path in store.root.iterdir()} == {young.upload_id, "holiday-photos"}
    assert code_of_opening(store, unused.upload_id) is Code.UPLOAD_GONE


def test_looking_through_many_uploads_takes_memory_for_one(store: UploadStore) -> None:
    mine = store.create("A", [ONE])
    for number in range(2000):
        (store.root / f"B-{number:032x}").mkdir()
    tracemalloc.start()
    try:
        found = sum(1 for _ in store.waiting())
        counted, ended, swept = store.count("A"), store.expire(0), store.sweep(0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found, counted["uploads"], ended, swept, mine.folder.exists()) == (2001, 1, 0, 0, True)
    assert most < 100_000


def leave_a_part(folder: Path) -> None:
    files.part_of(folder / ("A-" + "0" * 32)).mkdir()


def test_what_a_dead_process_left_is_swept_at_once_and_a_living_one_s_stays(store: UploadStore) -> None:
    assert ended(started(leave_a_part, store.root)) == [0]
    leave_a_part(store.root)
    elsewhere = store.root / (".A-" + "0" * 32 + ".0123abcd-1-01234567.part")
    elsewhere.mkdir()
    assert (store.sweep(0), len(list(store.root.iterdir()))) == (1, 2)
    assert elsewhere.exists()
