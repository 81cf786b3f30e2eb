"""What an upload computed is not computed again; where that is lost, everything comes out the same, only later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.liveness import LivenessLoader
from db.upload_cache import FORMAT
from pipeline.stages.opening import Opener
from pipeline.types import Photo
from tests.http.counting import CountingModels, counts, detections
from tests.http.site import ROOT, Site, blank, code, parallel_map, results, variant

pytestmark = pytest.mark.models


@pytest.fixture
def counted(tmp_path: Path, keeper: LivenessLoader, shared_data: Path) -> Iterator[Site]:
    """Return a server whose models count."""
    models = CountingModels(ROOT / "bin" / "model" / "weights")
    site = Site(tmp_path, models, keeper, MODEL_MIRROR=str(shared_data / "weights"))
    yield site
    models.close()
    site.close()


def look(site: Site, upload_id: str, **changes: str) -> tuple[int, Any]:
    """Verify; return the code and the results without the times."""
    reply = site.verify(upload_id, **changes)
    found = results(reply)
    for row in found["stages"]:
        del row["milliseconds"]
    return code(reply), found


def seen_file(site: Site, upload_id: str) -> Path:
    return site.uploads / upload_id / "seen.json"


def test_enrolling_and_verifying_neither_find_nor_embed_a_face_again(
    counted: Site, astronaut: bytes, grace_hopper: bytes
) -> None:
    upload_id = counted.uploaded(astronaut, variant(astronaut, 1.05, -8, -5.0))
    assert (detections(counted), counts(counted)) == ([2], [2])
    assert code(counted.enrol(upload_id)) == 800
    assert (detections(counted), counts(counted)) == ([], [])
    genuine, impostor = counted.uploaded(variant(astronaut)), counted.uploaded(grace_hopper)
    assert (detections(counted), counts(counted)) == ([1, 1], [1, 1])
    assert code(counted.verify(genuine)) == 200
    assert (detections(counted), counts(counted)) == ([], [])
    assert code(counted.verify(impostor)) == 500
    assert (detections(counted), counts(counted)) == ([], [4])


def test_a_genuine_persons_photos_are_not_even_decoded(
    site: Site, astronaut: bytes, grace_hopper: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.enrolled(astronaut)
    genuine, impostor = site.uploaded(variant(astronaut)), site.uploaded(grace_hopper)
    decoded: list[str] = []

    def noted(opener: Opener, photo: Photo) -> Photo:
        decoded.append(photo.name)
        return again(opener, photo)

    again = Opener.again
    monkeypatch.setattr(Opener, "again", noted)
    assert (code(site.verify(genuine)), decoded) == (200, [])
    assert (code(site.verify(impostor)), decoded) == (500, ["photo 0.jpg"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes().replace(FORMAT.encode(), b"faceapp-seen-0")),
    ],
)
def test_without_what_was_computed_everything_comes_out_the_same(
    counted: Site, astronaut: bytes, grace_hopper: bytes, damage: Callable[[Path], object]
) -> None:
    counted.enrolled(astronaut)
    for photos in ([variant(astronaut)], [grace_hopper, blank(), parallel_map([variant(astronaut), grace_hopper])]):
        upload_id = counted.uploaded(*photos)
        remembered = look(counted, upload_id)
        damage(seen_file(counted, upload_id))
        detections(counted)
        assert look(counted, upload_id) == remembered
        assert detections(counted)[0] == len(photos)


def test_a_model_that_was_not_there_before_embeds_and_no_other(counted: Site, astronaut: bytes) -> None:
    counted.enrolled(astronaut)
    upload_id = counted.uploaded(variant(astronaut))
    counted.edit(SELECTED_MODELS="Dlib,MobileFaceNet")
    counted.services().gallery.snapshot()
    counts(counted), counts(counted, "MobileFaceNet")
    assert code(counted.verify(upload_id)) == 200
    assert (counts(counted), counts(counted, "MobileFaceNet")) == ([], [1])


def test_a_photo_that_changed_on_the_disk_is_looked_at_again(
    counted: Site, astronaut: bytes, grace_hopper: bytes
) -> None:
    counted.enrolled(astronaut)
    upload_id = counted.uploaded(variant(astronaut))
    next((counted.uploads / upload_id).glob("0001.*")).write_bytes(grace_hopper)
    detections(counted)
    assert code(counted.verify(upload_id)) == 500
    assert detections(counted) == [1]


def test_every_face_is_embedded_when_its_photo_comes(counted: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    counted.enrolled(astronaut)
    counts(counted)
    upload_id = counted.uploaded(parallel_map([variant(astronaut), grace_hopper]))
    assert counts(counted) == [2]
    assert code(counted.verify(upload_id)) == 200
    assert counts(counted) == []


def test_what_was_computed_goes_with_its_upload(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(astronaut)
    assert seen_file(site, upload_id).is_file()
    assert code(site.enrol(upload_id)) == 800
    assert not seen_file(site, upload_id).exists()
