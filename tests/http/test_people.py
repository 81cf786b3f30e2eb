"""People whom no model has been fitted to: enrolled with three photos, verified with two others."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from tests.http.site import ID, OTHER_ID, Site, code, results, variant

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def strangers(shared_data: Path) -> list[list[bytes]]:
    """Return five photos each of twelve people, drawn at random."""
    folders = sorted(path for path in (shared_data / "data/lfw/images").iterdir() if len(list(path.iterdir())) >= 5)
    chosen = random.Random(7).sample(folders, 12)
    return [[photo.read_bytes() for photo in sorted(folder.iterdir())[:5]] for folder in chosen]


def test_people_never_seen_are_verified_and_others_are_not(
    make_site: Callable[..., Site], strangers: list[list[bytes]], shared_data: Path
) -> None:
    site = make_site(SELECTED_MODELS="Dlib,MobileFaceNet", MODEL_MIRROR=str(shared_data / "weights"))
    for number, photos in enumerate(strangers):
        site.enrolled(*photos[:3], person_id=f"RECO_ID_{number}", name=f"Person {number}")
    for number, photos in enumerate(strangers):
        other = strangers[(number + 1) % len(strangers)]
        assert code(site.verify(site.uploaded(*photos[3:], person_id=f"RECO_ID_{number}"))) == 200
        assert code(site.verify(site.uploaded(*other[3:], person_id=f"RECO_ID_{number}"))) == 100


def test_a_person_of_the_packages_photos_is_verified(site: Site, portraits: Mapping[str, bytes]) -> None:
    site.enrolled(portraits["obama.jpg"], portraits["obama2.jpg"])
    assert code(site.verify(site.uploaded(portraits["obama3.jpg"]))) == 200
    assert code(site.verify(site.uploaded(portraits["biden.jpg"]))) == 500


def test_the_same_verification_gives_the_same_numbers(site: Site, strangers: list[list[bytes]]) -> None:
    site.enrolled(*strangers[0][:3])
    upload_id = site.uploaded(*strangers[1][:3])
    first, second = (results(site.verify(upload_id))["stages"] for _ in range(2))
    assert [row["items"] for row in first] == [row["items"] for row in second]


def test_copies_of_one_photo_count_once(site: Site, strangers: list[list[bytes]]) -> None:
    site.enrolled(*strangers[0][:3])
    photo = strangers[0][3]
    stages = results(site.verify(site.uploaded(photo, photo, variant(photo, 0.97, 0, 0.0))))["stages"]
    assert next(row for row in stages if row["name"] == "embed")["items"][0]["distinct_images"] == 1


def test_an_enrolment_of_another_process_is_seen_at_once(
    site: Site, tmp_path: Path, models: LoadedModels, keeper: LivenessLoader, astronaut: bytes, grace_hopper: bytes
) -> None:
    site.enrolled(astronaut, person_id=ID)
    folder = tmp_path / "second"
    folder.mkdir()
    second = Site(folder, models, keeper, SQL_URI=f"sqlite:///{site.folder}/faceapp.sqlite", DB_PATH=str(site.people))
    upload_id = second.uploaded(variant(grace_hopper), person_id=OTHER_ID)
    assert code(second.verify(upload_id, skip_verify="true")) == 500
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    assert code(second.verify(upload_id, skip_verify="true")) == 134
    second.close()
