"""A server that seals what it keeps: the whole chain over HTTP, and a disk that tells nothing once it is stopped."""

from __future__ import annotations

import base64
import shutil
import stat
from collections.abc import Callable

import numpy as np
import pytest

from db.files import files_in
from security.sealing import key_id, key_of
from tests.http.site import ID, OTHER_ID, Site, blank, code, new_photo, results
from tests.http.test_forgetting import found, windows

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
TEXT, OTHER_TEXT = (base64.b64encode(key).decode() for key in (KEY, OTHER_KEY))
NAME = "Zebulon Quartermaine"
PHOTO = blank()


@pytest.fixture
def sealed(make_site: Callable[..., Site]) -> Site:
    return make_site(DATA_KEY=TEXT, REPLAY_POLICY="refuse")


@pytest.mark.models
def test_a_sealed_store_tells_nothing_and_serves_everything(sealed: Site, astronaut: bytes) -> None:
    done = sealed.enrolled(astronaut, name=NAME)
    photo = new_photo(astronaut)
    assert code(sealed.verify(sealed.uploaded(photo))) == 200
    assert done["resulting_imgs"]["main"][0].startswith(f"zebulon_quartermaine-{ID}/faces/")
    _, records = sealed.records()
    person = records.gallery.snapshot().person(ID)
    assert person is not None
    crops = [records.kept.read(path) for path in files_in(sealed.people) if path.suffix == ".png"]
    rows = [np.ascontiguousarray(row, "<f4").tobytes() for block in person.values() for row in block]
    words = [NAME.encode(), b"zebulon", ID.encode()]
    words += [window for data in (astronaut, photo, *crops, *rows) if data for window in windows(data)]
    sealed.close()
    assert (len(crops), len(words) > 150) == (6, True)
    kept = sealed.folder / "kept"  # the database's rows are clear
    kept.mkdir()
    for name in ("people", "uploads", "audit", "faceapp.log"):
        source = sealed.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, kept / name if source.is_dir() else kept)
    assert found(kept, words) == set()
    assert {key_of(path.read_bytes()) for path in files_in(sealed.people) if path.suffix in (".png", ".pkl")} == {
        key_id(KEY)
    }

    assert code(sealed.client.delete(f"/people/{ID}")) == 101
    assert [path.name for path in files_in(sealed.people)] == [".forgetting.lock", ".gallery.lock", ".sealed"]
    assert [path.name for path in files_in(sealed.uploads)] == [".sealed"]


@pytest.mark.models
def test_a_swapped_photo_is_159_and_a_folder_that_is_gone_113(
    sealed: Site, astronaut: bytes, grace_hopper: bytes
) -> None:
    sealed.enrolled(astronaut)
    upload_id, other = sealed.uploaded(new_photo(astronaut)), sealed.uploaded(grace_hopper, person_id=OTHER_ID)
    photos = {path.parent.name[-32:]: path for path in sealed.uploads.rglob("0001.jpg")}
    shutil.copy(photos[other[-32:]], photos[upload_id[-32:]])
    reply = sealed.verify(upload_id)
    assert (code(reply), reply.status_code, results(reply)["accepted"]) == (159, 503, False)
    assert "159 SEAL_BROKEN: it is not what was sealed in its place" in sealed.log()

    folder = next(path for path in sealed.people.iterdir() if path.is_dir() and not path.name.startswith("."))
    folder.rename(sealed.folder / "away")
    assert code(sealed.verify(sealed.uploaded(new_photo(astronaut, 2)))) == 113


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OTHER_TEXT, f"are sealed with the key {key_id(KEY)}, which is not the one given"),
        ("", f"are sealed with the key {key_id(KEY)}, which is not the one given"),
        (f"{TEXT},{TEXT}", "contains a key twice, accepted: 32 bytes in base64"),
        ("c2hvcnQ=", "holds something that is not 32 bytes in base64, accepted: 32 bytes in base64"),
    ],
)
def test_a_wrong_key_is_176_and_says_so(sealed: Site, text: str, words: str) -> None:
    sealed.uploaded(PHOTO)
    sealed.edit(DATA_KEY=text)
    reply = sealed.upload(PHOTO)
    (line,) = reply.get_json()["system_errors"]["env_errs"]
    assert (code(reply), line.startswith("DATA_KEY: "), words in line) == (176, True, True)
    assert TEXT not in line
    sealed.edit(DATA_KEY=TEXT)
    sealed.uploaded(PHOTO)


@pytest.mark.models
def test_the_key_is_known_by_the_files_where_nothing_else_tells(sealed: Site) -> None:
    sealed.uploaded(PHOTO)
    for damage in ((sealed.uploads / ".sealed").unlink, lambda: (sealed.uploads / ".sealed").write_text("{")):
        damage()
        sealed.edit(DATA_KEY=OTHER_TEXT)
        (line,) = sealed.upload(PHOTO).get_json()["system_errors"]["env_errs"]
        assert line == (
            f"DATA_KEY: files in DB_PATH are sealed with the key {key_id(KEY)}, which is not the one given; "
            f"files in UPLOAD_FOLDER are sealed with the key {key_id(KEY)}, which is not the one given"
        )
        sealed.edit(DATA_KEY=TEXT)
        sealed.uploaded(PHOTO)


@pytest.mark.models
def test_files_that_are_not_sealed_are_told_before_a_key_hides_them(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.uploaded(PHOTO)
    site.edit(DATA_KEY=TEXT)
    (line,) = site.upload(PHOTO).get_json()["system_errors"]["env_errs"]
    assert line == "DATA_KEY: files in UPLOAD_FOLDER are not sealed yet: run bin/rekey --seal with an empty DATA_KEY"


@pytest.mark.models
def test_only_the_owner_can_read_what_the_server_makes(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    made = [path for path in site.folder.rglob("*") if path not in (site.people, site.uploads, site.folder / ".env")]
    assert len(made) > 15
    assert {path.name for path in made} >= {"faceapp.sqlite", "faceapp.log", "manifest.json", "faces"}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}
