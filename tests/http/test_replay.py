"""Photos that were used before, over HTTP: 562 where none is left, and what never is a replay."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.models import LoadedModels
from pipeline.types import Liveness
from tests.http.liveness_models import judging
from tests.http.site import OTHER_ID, Site, code, decoded, encoded, new_photo, results, variant

pytestmark = pytest.mark.models


@pytest.fixture
def make_live_site(tmp_path: Path, models: LoadedModels) -> Iterator[Callable[..., Site]]:
    """Return a maker of servers whose liveness finds every face live."""
    sites: list[Site] = []

    def make(**changes: str) -> Site:
        folder = tmp_path / f"live{len(sites)}"
        folder.mkdir()
        sites.append(
            Site(folder, models, judging(lambda face: Liveness.LIVE), **{"REPLAY_POLICY": "refuse", **changes})
        )
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def live_site(make_live_site: Callable[..., Site]) -> Site:
    """Return a server that refuses replays."""
    return make_live_site()


def verdict(site: Site, upload_id: str) -> int:
    """Verify with liveness and return the code."""
    return code(site.verify(upload_id, skip_liveness="false"))


def saved_again(photo: bytes) -> bytes:
    """Return the photo, decoded and saved once more at a lower quality."""
    return encoded(decoded(photo), ".webp")


def test_562_a_photo_verifies_in_one_upload_only_however_often(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    photo = new_photo(astronaut)
    first, second = live_site.uploaded(photo), live_site.uploaded(photo)
    assert [verdict(live_site, first) for _ in range(2)] == [200, 562]
    assert [verdict(live_site, second) for _ in range(2)] == [562, 562]
    assert verdict(live_site, live_site.uploaded(saved_again(photo))) == 562
    other = live_site.uploaded(photo, person_id=OTHER_ID)
    assert code(live_site.verify(other, skip_liveness="false", skip_verify="true")) == 562
    assert verdict(live_site, live_site.uploaded(new_photo(astronaut, 2))) == 200


def test_562_an_enrolled_photo_verifies_nobody(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    assert verdict(live_site, live_site.uploaded(astronaut)) == 562
    assert verdict(live_site, live_site.uploaded(saved_again(astronaut))) == 562
    upload_id = live_site.uploaded(astronaut, person_id=OTHER_ID)
    assert code(live_site.verify(upload_id, skip_liveness="false", skip_verify="true")) == 562


def test_562_an_edited_copy_is_a_copy(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    mirrored = encoded(decoded(astronaut)[:, ::-1])
    for copy in (variant(astronaut), mirrored, encoded(decoded(astronaut)[20:-20, 20:-20])):
        assert verdict(live_site, live_site.uploaded(copy)) == 562


def test_a_photo_that_was_not_compared_is_not_used(live_site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    live_site.enrolled(astronaut)
    live_site.enrolled(grace_hopper, person_id=OTHER_ID)
    photo = new_photo(astronaut)
    assert verdict(live_site, live_site.uploaded(photo, person_id="RECO_ID_000099")) == 116
    shutil.rmtree(live_site.people / "ada_lovelace-RECO_ID_000024")
    assert verdict(live_site, live_site.uploaded(photo, person_id=OTHER_ID)) == 113
    assert verdict(live_site, live_site.uploaded(photo)) == 200
    assert verdict(live_site, live_site.uploaded(photo)) == 562


def test_an_image_that_was_used_before_is_dropped_and_the_ledger_says_so(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    live_site.edit(VER_TOL="1")
    reply = live_site.verify(live_site.uploaded(astronaut, new_photo(astronaut)), skip_liveness="false")
    assert code(reply) == 200
    row = next(row for row in results(reply)["stages"] if row["name"] == "replay")
    assert (row["in"], row["out"]) == (2, 1)
    assert row["items"] == [
        {"image": "photo 0.jpg", "used_before": True},
        {"image": "photo 1.jpg", "used_before": False},
    ]
    compared = next(row for row in results(reply)["stages"] if row["name"] == "compare")
    assert [item["image"] for item in compared["items"]] == ["photo 1.jpg"]


def test_a_dropped_image_still_counts_as_uploaded(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    upload_id = live_site.uploaded(astronaut, new_photo(astronaut))
    assert code(live_site.verify(upload_id, skip_liveness="false", skip_db_search="true")) == 500


def test_copies_in_one_upload_are_no_replays(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    photo = new_photo(astronaut)
    assert verdict(live_site, live_site.uploaded(photo, photo, saved_again(photo))) == 200


def test_an_upload_can_be_verified_and_then_enrolled(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    photo = new_photo(astronaut)
    upload_id = live_site.uploaded(photo)
    first = live_site.verify(upload_id, skip_liveness="false")
    assert code(first) == 200
    again = live_site.verify(upload_id, skip_liveness="false")
    kept = {key: value for key, value in results(first).items() if key != "stages"}
    assert (code(again), results(again)["earlier"]) == (562, {"code": 200, "results": kept})
    assert code(live_site.enrol(upload_id)) == 850
    assert verdict(live_site, live_site.uploaded(photo)) == 562


def test_warn_says_so_and_lets_it_pass_and_off_does_not_look(
    make_live_site: Callable[..., Site], astronaut: bytes
) -> None:
    site = make_live_site(REPLAY_POLICY="warn")
    site.enrolled(astronaut)
    photo = new_photo(astronaut)
    for used_before in (False, True):
        reply = site.verify(site.uploaded(photo), skip_liveness="false")
        row = next(row for row in results(reply)["stages"] if row["name"] == "replay")
        assert (code(reply), row["items"]) == (200, [{"image": "photo 0.jpg", "used_before": used_before}])
    site.edit(REPLAY_POLICY="off")
    reply = site.verify(site.uploaded(photo), skip_liveness="false")
    assert (code(reply), [row for row in results(reply)["stages"] if row["name"] == "replay"]) == (200, [])


def test_whoever_may_skip_liveness_does_not_skip_this(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    assert code(live_site.verify(live_site.uploaded(astronaut), skip_liveness="true")) == 562


def test_spoof_comes_before_the_record_and_the_record_before_replay(
    tmp_path: Path, models: LoadedModels, astronaut: bytes
) -> None:
    states = [Liveness.SPOOF]
    site = Site(tmp_path, models, judging(lambda face: states[-1]), REPLAY_POLICY="refuse")
    site.enrolled(astronaut)
    known, unknown = site.uploaded(astronaut), site.uploaded(astronaut, person_id=OTHER_ID)
    assert [verdict(site, upload_id) for upload_id in (known, unknown)] == [560, 560]
    states.append(Liveness.LIVE)
    assert [verdict(site, upload_id) for upload_id in (known, unknown)] == [562, 116]
    assert code(site.verify(unknown, skip_liveness="false", skip_verify="true")) == 562
    assert code(site.verify(unknown, skip_liveness="true", skip_verify="true")) == 562
    site.close()


def test_562_across_processes(make_live_site: Callable[..., Site], astronaut: bytes) -> None:
    first = make_live_site()
    second = make_live_site(SQL_URI=f"sqlite:///{first.folder}/faceapp.sqlite", DB_PATH=str(first.people))
    first.enrolled(astronaut)
    photo = new_photo(astronaut)
    assert verdict(first, first.uploaded(photo)) == 200
    assert verdict(second, second.uploaded(photo)) == 562


def test_nothing_of_the_photo_but_two_hashes_is_kept(live_site: Site, astronaut: bytes) -> None:
    live_site.enrolled(astronaut)
    assert verdict(live_site, live_site.uploaded(new_photo(astronaut))) == 200
    with sqlite3.connect(live_site.folder / "faceapp.sqlite") as database:
        rows = database.execute("SELECT * FROM faceapp_replay").fetchall()
        columns = [row[1] for row in database.execute("PRAGMA table_info(faceapp_replay)")]
    assert columns == ["number", "upload_id", "digest", "hash", "created"]
    assert [(len(row[2]), len(row[3])) for row in rows] == [(64, 128), (64, 128)]
