"""VECTOR_STORE: the same verdicts in Milvus as in memory, 156 while it is away, and then on as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import vectors
from tests.http.site import ID, OTHER_ID, Site, code, results, variant
from tests.milvus_servers import MilvusProcess

pytestmark = pytest.mark.models


@pytest.fixture
def site(make_site: Callable[..., Site], milvus_server: MilvusProcess) -> Site:
    """Return a server with its gallery in Milvus."""
    return make_site(VECTOR_STORE=f"milvus:{milvus_server.uri}")


def test_verdicts_and_scores_are_those_of_a_gallery_in_memory(
    site: Site, astronaut: bytes, grace_hopper: bytes
) -> None:
    site.enrolled(astronaut)
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    genuine = site.uploaded(variant(astronaut))
    impostor = site.uploaded(variant(grace_hopper))

    def verdicts() -> list[tuple[int, object]]:
        replies = [
            site.verify(upload_id, skip_verify=skip) for upload_id in (genuine, impostor) for skip in ("false", "true")
        ]
        return [(code(reply), [{**row, "milliseconds": 0} for row in results(reply)["stages"]]) for reply in replies]

    in_milvus = verdicts()
    assert [number for number, _ in in_milvus] == [200, 134, 100, 100]
    assert not list(site.people.glob("*.pkl"))
    site.edit(VECTOR_STORE="memory")
    assert verdicts() == in_milvus


def test_while_milvus_is_away_the_answer_is_156_and_afterwards_it_works_without_a_restart(
    site: Site, milvus_server: MilvusProcess, astronaut: bytes
) -> None:
    site.enrolled(astronaut)
    probe, more = site.uploaded(variant(astronaut)), site.uploaded(variant(astronaut, 0.8))
    files = sorted(site.people.rglob("*.*"))
    milvus_server.stop()
    try:
        for reply in (site.verify(probe), site.verify(probe, skip_verify="true"), site.enrol(more, in_place="true")):
            assert (code(reply), reply.status_code) == (156, 503)
            assert "127.0.0.1" not in reply.get_data(as_text=True)
        assert sorted(site.people.rglob("*.*")) == files
        uploaded = site.upload(variant(astronaut))
        assert code(uploaded) == 119
    finally:
        milvus_server.start()
    assert [code(site.verify(probe)), code(site.verify(probe, skip_verify="true"))] == [200, 134]
    assert code(site.enrol(more, in_place="true")) == 900
    assert "156" in site.log()


def test_rebuild_and_deletion_of_pickles_hide_nobody(site: Site, astronaut: bytes) -> None:
    found = site.enrolled(astronaut, delete_pickles="true", rebuild_db="true")
    deleted = found["message_pickle"]["result"]
    assert {value for key, value in deleted.items() if key != "message"} == {604}
    assert found["rebuilt_db"]["result"]["Dlib"] == 167
    assert code(site.verify(site.uploaded(variant(astronaut)), skip_verify="true")) == 134


def test_an_enrolment_stands_where_milvus_goes_away_between_its_commit_and_a_rebuild(
    site: Site, milvus_server: MilvusProcess, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, enroller = site.uploaded(astronaut), site.services().enrolments
    monkeypatch.setattr(enroller, "step", lambda name: milvus_server.stop() if name == "committed" else None)
    try:
        reply = site.enrol(upload_id, rebuild_db="true")
    finally:
        milvus_server.start()
    assert code(reply) == 800
    assert results(reply)["rebuilt_db"]["result"]["Dlib"] == 156
    assert code(site.verify(site.uploaded(variant(astronaut)), skip_verify="true")) == 134


def test_a_file_of_milvus_lite_needs_no_server(make_site: Callable[..., Site], astronaut: bytes) -> None:
    pytest.importorskip("milvus_lite")
    site = make_site(VECTOR_STORE="milvus:lite.db")
    site.enrolled(astronaut)
    assert code(site.verify(site.uploaded(variant(astronaut)), skip_verify="true")) == 134
    assert (site.folder / "lite.db").is_dir()


def test_176_names_the_packages_that_are_missing(
    make_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, astronaut: bytes
) -> None:
    monkeypatch.setattr(vectors, "find_spec", lambda name: None)
    site = make_site(VECTOR_STORE="milvus:lite.db")
    reply = site.upload(astronaut)
    assert code(reply) == 176
    assert reply.get_json()["system_errors"]["env_errs"] == [
        "VECTOR_STORE: packages are missing: .venv/bin/python -m pip install --no-deps "
        "-r requirements-milvus.txt -r requirements-milvus-lite.txt"
    ]
    lists = [Path(__file__).resolve().parents[2] / name for name in (vectors.CLIENT, vectors.LITE)]
    assert all(one.is_file() for one in lists)
    site.edit(VECTOR_STORE="memory")
    assert code(site.upload(astronaut, person_id=ID)) == 119
