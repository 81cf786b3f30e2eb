"""Milvus names candidates and the ledger decides: the same scores as in memory, and nobody half enrolled or lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codes_dict import Code, Refusal
from db.gallery.index import MemorySnapshot
from db.milvus import collection
from db.milvus import gallery as vector_gallery
from db.milvus.collection import VectorCollection
from db.milvus.gallery import MilvusGallery
from pipeline.stages.nearness import nearness
from pipeline.types import Crop, Floats
from tests.db_house import BLUE, GREEN, RED, WHITE, Colour, House, Where, enrol_dying_at, whole
from tests.fakes import ColourEmbedder, face_of
from tests.milvus_servers import MilvusProcess, patiently
from tests.processes import ended, started

DARK_RED = (100, 5, 5)


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.shelf.close()
    made.database.dispose()


def gallery(house: House) -> MilvusGallery:
    assert isinstance(house.shelf, MilvusGallery)
    return house.shelf


def collections(house: House) -> dict[str, VectorCollection]:
    return gallery(house).collections()


def in_memory(house: House) -> MemorySnapshot:
    """Return what a process sees that has the same people in memory."""
    place = replace(house.where, milvus="")
    return House(place, house.folder, embedders=[type(one)() for one in house.models], prepared=True).gallery.snapshot()


def probes(house: House, *colours: Colour) -> dict[str, Floats]:
    crops: list[Crop] = [face_of(colour).crop for colour in colours]
    return {model.name: model.embed(crops) for model in house.models}


def near(house: House, *colours: Colour, also: str = "") -> dict[str, float]:
    """Return the people that Milvus finds near these colours, and each one's least distance by colour."""
    wanted = probes(house, *colours)
    found = house.shelf.snapshot().candidates(wanted, also)
    distances = nearness(wanted["Colour"], "cosine").to(
        whole(found).templates["Colour"], whole(found).lengths["Colour"]
    )
    return dict(zip(found.ids, distances.min(axis=0).tolist(), strict=True))


def code_of(work: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as refused:
        work()
    return refused.value.code


def crowd(house: House, people: int) -> list[Colour]:
    colours = [tuple(int(part) for part in row) for row in np.random.default_rng(5).integers(0, 255, (people, 3))]
    for number, colour in enumerate(colours):
        house.enrol(f"P{number}", "ann", colour)  # type: ignore[arg-type]
    return colours  # type: ignore[return-value]


def test_scores_are_those_of_the_gallery_in_memory_to_the_last_bit(house: House) -> None:
    colours = crowd(house, 12)
    house.enrol("P3", "ann", RED, GREEN, BLUE)
    house.enrol("P4", "ann", WHITE, in_place=True)
    found, everybody = house.shelf.snapshot(), in_memory(house)
    assert found.people == everybody.people == 12
    assert isinstance(found, vector_gallery.MilvusSnapshot)
    candidates = found.candidates(probes(house, *colours, RED), "P3")
    assert sorted(candidates.ids) == sorted(everybody.ids)
    for at, person in enumerate(candidates.ids):
        there = everybody.ids.index(person)
        for model in ("Colour", "Bright-ness"):
            np.testing.assert_array_equal(
                whole(candidates).templates[model][at], whole(everybody).templates[model][there]
            )
            assert whole(candidates).lengths[model][at] == whole(everybody).lengths[model][there]
        assert whole(candidates).counts[at] == whole(everybody).counts[there]


def test_only_those_near_a_face_and_the_claimed_one_are_fetched(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_gallery, "CANDIDATES", 2)
    for person, colour in {"A": RED, "B": DARK_RED, "C": GREEN, "D": BLUE, "E": WHITE}.items():
        house.enrol(person, "ann", colour)
    wanted = {"Colour": probes(house, RED)["Colour"], "Bright-ness": probes(house, WHITE)["Bright-ness"]}
    assert set(house.shelf.snapshot().candidates(wanted, "D").ids) >= {"A", "B", "D"}
    assert len(house.shelf.snapshot().candidates(wanted, "D").ids) < 6
    assert "E" in near(house, WHITE)
    assert "nobody" not in near(house, WHITE, also="nobody")


def test_the_number_of_people_follows_every_change(house: House) -> None:
    other = house.another()
    counts = [other.shelf.snapshot().people]
    for person, colour, in_place in (("A", RED, False), ("B", RED, False), ("A", GREEN, False), ("A", BLUE, True)):
        house.enrol(person, "ann", colour, in_place=in_place)
        counts.append(other.shelf.snapshot().people)
    house.execute("DELETE FROM faceapp WHERE RECO_ID = 'B'")
    house.enrol("B", "ann", RED)
    assert counts == [0, 1, 2, 2, 2]
    assert other.shelf.snapshot().people == house.another().shelf.snapshot().people == in_memory(house).people == 2


def test_rows_of_an_enrolment_that_was_killed_never_count_and_are_removed_afterwards(
    where: Where, tmp_path: Path
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    upload = house.upload("B", GREEN)
    dying = started(enrol_dying_at, "ready to commit", where, tmp_path, "bea", GREEN, upload.upload_id)
    assert ended(dying) == [-signal.SIGKILL]
    (rows,) = collections(house)["Colour"].nearest(probes(house, GREEN)["Colour"], 2)
    assert rows == ["B", "A"]
    assert set(near(house, GREEN, also="B")) == {"A"}
    assert house.colours("B") is None
    assert house.recover() == 1
    assert collections(house)["Colour"].nearest(probes(house, GREEN)["Colour"], 2) == [["A"]]


def test_rows_that_were_replaced_are_removed(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("A", "ann", BLUE, in_place=True)
    assert collections(house)["Colour"].nearest(probes(house, RED)["Colour"], 9) == [["A"]]


@pytest.mark.parametrize(
    "look", [lambda other: other.colours("A"), lambda other: near(other, RED, also="A")], ids=["1:1", "1:N"]
)
def test_who_is_replaced_while_somebody_looks_is_seen_as_before_or_as_after(
    house: House, monkeypatch: pytest.MonkeyPatch, look: Callable[[House], object]
) -> None:
    house.enrol("A", "ann", RED)
    other = house.another()
    look(other)
    fetch, replacing = VectorCollection.embeddings, [GREEN]

    def late(self: VectorCollection, tokens: Sequence[str]) -> dict[str, Floats]:
        if replacing:
            house.enrol("A", "ann", replacing.pop(), in_place=True)
        return fetch(self, tokens)

    monkeypatch.setattr(VectorCollection, "embeddings", late)
    seen = look(other)
    assert (replacing, bool(seen), seen) == ([], True, look(other))


def test_enrolling_the_same_rows_again_changes_nothing(house: House) -> None:
    house.enrol("A", "ann", RED, GREEN)
    before = near(house, RED)
    (enrolment,) = house.enrolments.of_people(["A"])
    gallery(house).add(enrolment, probes(house, RED, GREEN))
    gallery(house).rebuild()
    assert near(house, RED) == before
    assert collections(house)["Colour"].nearest(probes(house, RED)["Colour"], 9) == [["A"]]
    assert collections(house)["Colour"].numbers([enrolment.token]) == {enrolment.token: {0, 1, 2}}


def test_people_enrolled_with_the_gallery_in_memory_are_found(house: House) -> None:
    before = House(replace(house.where, milvus=""), house.folder, prepared=True)
    before.enrol("A", "ann", RED)
    assert set(near(house, RED)) == {"A"}
    before.enrol("B", "bea", GREEN, BLUE)
    assert set(near(house, GREEN)) == {"A", "B"}
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN, BLUE])


def test_a_milvus_that_lost_everything_is_filled_from_the_source_crops(house: House) -> None:
    house.enrol("A", "ann", RED, GREEN)
    other = house.another()
    before = near(house, RED), near(other, RED)
    for one in collections(house).values():
        gallery(house).milvus.ask(methodcaller("drop_collection", one.name))
    house.enrol("B", "bea", BLUE)
    assert (set(near(other, RED)), set(near(house, RED))) == ({"A", "B"}, {"A", "B"})
    assert (near(house, RED)["A"], near(other, RED)["A"]) == (before[0]["A"], before[1]["A"])
    assert other.colours("A") == [RED, GREEN]


def test_a_person_whose_crops_are_lost_too_is_left_out_logged_once_and_found_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    before = House(replace(house.where, milvus=""), house.folder, prepared=True)
    before.enrol("A", "ann", RED)
    before.enrol("B", "bea", GREEN)
    source = house.root / "ann-A" / "source"
    source.rename(house.folder / "away")
    for _ in range(2):
        assert set(near(house, RED)) == {"B"}
    assert sum("has no embeddings and no source crops" in line for line in caplog.messages) == 1
    (house.folder / "away").rename(source)
    assert set(near(house, RED)) == {"A", "B"}


def test_who_is_forgotten_while_a_collection_is_filled_is_not_in_it(house: House) -> None:
    before = House(replace(house.where, milvus=""), house.folder, prepared=True)
    before.enrol("A", "ann", RED)
    before.enrol("B", "bea", GREEN)
    tokens = {one.id: one.token for one in house.enrolments.of_people(["A", "B"])}
    embed, forgets = house.models[0].embed, iter(["A"])

    def embed_while_one_is_forgotten(crops: Sequence[Crop]) -> Floats:
        for person_id in forgets:
            house.another().forgetting.forget(person_id)
        return embed(crops)

    house.models[0].embed = embed_while_one_is_forgotten  # type: ignore[method-assign]
    assert set(near(house, RED)) == {"B"}
    assert [one.numbers(list(tokens.values())) for one in collections(house).values()] == [{tokens["B"]: {0, 1}}] * 2


class LaterColours(ColourEmbedder):
    version = "1" * 16


def test_another_version_of_a_model_has_a_collection_of_its_own_and_a_rebuild_drops_the_old_one(house: House) -> None:
    house.enrol("A", "ann", RED)
    old = collections(house)["Colour"].name
    later = House(house.where, house.folder, embedders=[LaterColours()], prepared=True)
    assert set(later.shelf.snapshot().candidates(probes(later, RED), "").ids) == {"A"}
    new = collections(later)["Colour"]
    assert (old == new.name, [sum(model.calls) for model in later.models]) == (False, [2])

    def names() -> set[str]:
        return set(gallery(later).milvus.ask(methodcaller("list_collections")))

    assert {old, new.name} <= names()
    assert later.shelf.rebuild() == {"Colour": Code.PICKLE_REBUILT}
    assert names() & {old, new.name} == {new.name}


def test_a_rebuild_removes_old_rows_that_do_not_count_and_leaves_enrolments_under_way(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = probes(house, GREEN)["Colour"]
    with monkeypatch.context() as past:
        past.setattr(collection, "time", SimpleNamespace(time=lambda: time.time() - 7200))
        house.enrol("A", "ann", RED)
        gallery(house).put("Colour", {"e" * 32: "OLD"}, {"e" * 32: stray})
    gallery(house).put("Colour", {"f" * 32: "YOUNG"}, {"f" * 32: stray})
    (house.root / "ann-A" / "source").rename(house.folder / "away")  # so that its rows are not written again
    house.shelf.rebuild()
    (found,) = collections(house)["Colour"].nearest(stray, 9)
    assert set(found) == {"A", "YOUNG"}


def test_many_rows_that_do_not_count_hide_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_gallery, "CANDIDATES", 4)
    house.enrol("A", "ann", DARK_RED)
    strays = {f"{number:032x}": probes(house, RED)["Colour"] for number in range(40)}
    gallery(house).put("Colour", {token: f"STRAY{token}" for token in strays}, strays)
    colour = {"Colour": probes(house, RED)["Colour"], "Bright-ness": probes(house, WHITE)["Bright-ness"]}
    monkeypatch.setattr(collections(house)["Bright-ness"], "nearest", lambda probes, limit: [[]])
    assert list(house.shelf.snapshot().candidates(colour, "").ids) == ["A"]


def test_the_marks_follow_the_ledger(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.shelf.snapshot()
    for number in range(3):
        house.enrol(f"P{number}", "ann", (number, 0, 0))
    house.shelf.snapshot()
    assert (house.shelf.backlog(), house.shelf.compact(), house.shelf.backlog()) == (3, True, 0)
    later = house.another()
    gallery(later).milvus.wait_for(gallery(house).milvus.now())  # an older mark would do: it costs a second look
    monkeypatch.setattr(VectorCollection, "numbers", None)  # nothing that was there before the marks is looked after
    assert later.shelf.snapshot().people == 3


def test_euclidean_distances_ask_for_the_nearest_by_length_too(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    by_length = MilvusGallery(
        house.kept, house.enrolments, {one.name: one for one in house.models}, lambda rows, first: rows.mean(axis=0),
        gallery(house).milvus, by_length=True,
    )  # fmt: skip
    house.enrol("BRIGHT", "ann", (200, 100, 100))  # in the probe's direction, and far
    house.enrol("DIM", "bea", (20, 20, 10))
    by_length.snapshot()
    (found,) = by_length.collections()["Colour"].nearest(probes(house, (20, 10, 10))["Colour"], 2)
    assert found == ["DIM", "BRIGHT"]


def state(house: House) -> Mapping[str, object]:
    return {"files": house.files(), "row": house.people.find("A"), "colours": house.colours("A")}


def test_while_milvus_is_away_all_is_156_and_nothing_changes_and_then_all_works_again(
    house: House, milvus_server: MilvusProcess
) -> None:
    house.enrol("A", "ann", RED)
    before, upload = state(house), house.upload("A", GREEN)
    milvus_server.stop()
    try:
        for work in (
            house.shelf.snapshot,
            lambda: house.enrol("A", "ann", GREEN, in_place=True, upload=upload),
            house.another().shelf.snapshot,
            house.shelf.rebuild,
        ):
            assert code_of(work) is Code.VECTORS_DOWN
    finally:
        milvus_server.start()
    assert patiently(lambda: state(house)) == before
    house.enrol("A", "ann", GREEN, in_place=True, upload=upload)
    assert house.colours("A") == [GREEN]


def test_milvus_going_away_after_the_commit_leaves_the_new_state(
    where: Where, tmp_path: Path, milvus_server: MilvusProcess
) -> None:
    house = House(where, tmp_path, step=lambda name: milvus_server.stop() if name == "committed" else None)
    house.another().enrol("A", "ann", RED)
    try:
        done = house.enrol("A", "ann", GREEN, in_place=True)
    finally:
        milvus_server.start()
    assert (done.existed, patiently(lambda: house.colours("A")), set(near(house, RED))) == (True, [GREEN], {"A"})
    assert len(collections(house)["Colour"].nearest(probes(house, RED)["Colour"], 9)[0]) == 2
    house.recover()
    assert len(collections(house)["Colour"].nearest(probes(house, RED)["Colour"], 9)[0]) == 1
