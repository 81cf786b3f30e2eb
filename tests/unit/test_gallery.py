"""The gallery: always current, computed once, rebuilt from the source crops. On servers too, in tests/mysql."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from codes_dict import Code
from db import files
from db.enrolments import Changes, Enrolment
from db.gallery import index as index_module
from db.gallery import memory
from db.gallery.index import Index, MemorySnapshot
from db.gallery.pickles import LOCK, Key, PickleStore
from pipeline.types import Crop, EnrolledFaces, Floats
from tests.db_house import BLUE, GREEN, RED, WHITE, Brightness, Colour, House, Where, raise_at, whole
from tests.fakes import ColourEmbedder
from tests.processes import ended, started


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def calls(house: House) -> list[int]:
    return [sum(model.calls) for model in house.models]


def pickles(house: House) -> list[Path]:
    return sorted(house.root.glob("*.pkl"))


def test_an_empty_gallery_has_nobody_and_no_blocks(house: House) -> None:
    snapshot = house.gallery.snapshot()
    assert (list(snapshot.ids), list(snapshot.blocks), snapshot.person("A")) == ([], [], None)


def test_templates_are_in_the_order_of_the_ids_and_read_only(house: House) -> None:
    house.enrol("A", "ann", RED, GREEN)
    house.enrol("B", "bea", BLUE)
    snapshot = house.gallery.snapshot()
    (block,) = snapshot.blocks
    rows = block.templates["Colour"]
    assert list(snapshot.ids) == ["A", "B"]
    assert rows.tolist() == [[106, 106, 11], [11, 11, 201]]
    assert (str(rows.dtype), rows.flags.c_contiguous, rows.flags.writeable) == ("float32", True, False)
    person = snapshot.person("A")
    assert person is not None
    assert [person["Colour"].shape, person["Bright-ness"].shape] == [(2, 3), (2, 2)]


def test_enrolled_crops_are_never_embedded_again(house: House) -> None:
    for number in range(3):
        house.enrol(f"P{number}", "ann", (number, 0, 0))
        house.gallery.snapshot()
    later = house.another()
    assert (len(later.gallery.snapshot().ids), calls(house), calls(later)) == (3, [0, 0], [0, 0])


def test_another_process_sees_an_enrolment_and_a_replacement_at_once(house: House) -> None:
    other = house.another()
    assert other.colours("A") is None
    house.enrol("A", "ann", RED)
    assert other.colours("A") == [RED]
    house.enrol("A", "ann", GREEN)
    assert other.colours("A") == [RED, GREEN]
    house.enrol("A", "ann", BLUE, in_place=True)
    assert (other.colours("A"), list(other.gallery.snapshot().ids), calls(other)) == ([BLUE], ["A"], [0, 0])


def _enrol_far(where: Where, folder: Path) -> None:
    House(where, folder, prepared=True).enrol("FAR", "ann", RED)


def test_an_enrolment_by_a_real_other_process_is_seen_at_once(house: House) -> None:
    assert house.colours("FAR") is None
    assert (ended(started(_enrol_far, house.where, house.folder)), house.colours("FAR")) == ([0], [RED])


def test_nothing_changed_costs_no_new_arrays(house: House) -> None:
    house.enrol("A", "ann", RED)
    assert house.gallery.snapshot() is house.gallery.snapshot()


def test_a_snapshot_in_hand_never_changes(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", BLUE)
    rows = house.gallery.snapshot().blocks[0].templates["Colour"]
    house.enrol("A", "ann", GREEN, in_place=True)
    house.enrol("C", "cid", WHITE)
    new = house.gallery.snapshot()
    assert rows.tolist() == [[201, 11, 11], [11, 11, 201]]
    assert whole(new).templates["Colour"].tolist() == [[11, 201, 11], [11, 11, 201], [251, 251, 251]]


def test_an_id_is_found_in_the_ids_of_old_and_new_snapshots() -> None:
    index = Index({"m": 1})
    one = np.ones(1, np.float32)
    for name in "abcd":
        index.put(name, EnrolledFaces({"m": one[None]}), {"m": one * ord(name)})
    old = index.snapshot(1)
    index.drop("b")
    index.put("e", EnrolledFaces({"m": one[None]}), {"m": one * ord("e")})
    new = index.snapshot(2)
    assert (list(old.ids), list(new.ids)) == (["a", "b", "c", "d"], ["a", "d", "c", "e"])
    assert [old.ids.index(name) for name in "abcd"] == [0, 1, 2, 3]
    assert [new.ids.index(name) for name in "adce"] == [0, 1, 2, 3]
    assert ("b" in old.ids, "b" in new.ids, "e" in old.ids, new.ids[-1]) == (
        True, False, False, "e",
    )  # fmt: skip
    assert whole(old).templates["m"].ravel().tolist() == [97, 98, 99, 100]
    assert whole(new).templates["m"].ravel().tolist() == [97, 100, 99, 101]


def test_adding_people_copies_nothing_and_changing_one_copies_their_block_once_a_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_module, "BLOCK", 64)
    index = Index({"m": 2})
    for number in range(160):
        index.put(str(number), *_twice(number))
    old = index.snapshot(1)
    index.put("more", *_twice(160))
    added = index.snapshot(2)
    assert _addresses(added) == _addresses(old)
    index.put("70", *_twice(500))
    copied = index._blocks[1]
    index.put("71", *_twice(501))
    assert index._blocks[1] is copied
    changed = index.snapshot(3)
    assert [mine == theirs for mine, theirs in zip(_addresses(changed), _addresses(old), strict=True)] == [
        True, False, True,
    ]  # fmt: skip
    assert [len(block.counts) for block in old.blocks] == [64, 64, 32]
    assert whole(old).templates["m"][:, 0].tolist() == list(range(160))
    assert whole(changed).templates["m"][[70, 71, 72, 160], 0].tolist() == [500, 501, 72, 160]
    assert not any(array.flags.writeable for array in changed.blocks[1].arrays())


def test_snapshots_stay_as_they_are_whoever_is_added_changed_or_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "BLOCK", 8)
    monkeypatch.setattr(index_module, "_FIRST", 2)
    dice, index, truth = random.Random(3), Index({"m": 2}), dict[str, int]()
    kept: list[tuple[MemorySnapshot, dict[str, int]]] = []
    for step in range(600):
        name = str(dice.randrange(40))
        if dice.random() < 0.35 and name in truth:
            index.drop(name)
            del truth[name]
        else:
            index.put(name, *_twice(step))
            truth[name] = step
        if dice.random() < 0.3:
            kept.append((index.snapshot(step), dict(truth)))
    for snapshot, expected in kept:
        values = whole(snapshot).templates["m"][:, 0].tolist() if snapshot.blocks else []
        assert dict(zip(snapshot.ids, values, strict=True)) == expected


def _twice(value: int) -> tuple[EnrolledFaces, dict[str, Floats]]:
    """Return embeddings and template of a person whose every number is this."""
    return EnrolledFaces({"m": np.full((1, 2), value, np.float32)}), {"m": np.full(2, value, np.float32)}


def _addresses(snapshot: MemorySnapshot) -> list[int]:
    return [block.templates["m"].ctypes.data for block in snapshot.blocks]


def test_the_process_that_enrolled_searches_from_memory_and_others_from_the_files(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, read = house.another(), PickleStore.read
    house.gallery.snapshot()
    names: list[str] = []

    def noting(store: PickleStore, name: str, key: Key) -> dict[str, Floats] | None:
        names.append(name)
        return read(store, name, key)

    monkeypatch.setattr(PickleStore, "read", noting)
    house.enrol("A", "ann", RED)
    house.enrol("A", "ann", GREEN)
    assert (house.colours("A"), names) == ([RED, GREEN], [])
    assert (other.colours("A"), len(names) > 0, calls(other)) == ([RED, GREEN], True, [0, 0])


def test_what_is_handed_over_counts_from_the_commit_on_and_never_without_one(house: House) -> None:
    seen: list[list[Colour] | None] = []
    enrolling: list[House] = []
    enrolling.append(house.another(lambda _step: seen.append(enrolling[0].colours("A"))))
    enrolling[0].enrol("A", "ann", RED)
    assert seen == [None] * 5 + [[RED]] * 4
    failing = house.another(raise_at("ready to commit"))
    with pytest.raises(OSError, match="made to fail"):
        failing.enrol("B", "bea", GREEN)
    assert (failing.colours("B"), len(failing.gallery._handed)) == (None, 0)


def test_embeddings_that_are_handed_over_incomplete_are_read_or_computed(house: House) -> None:
    house.enrol("A", "ann", RED)
    (token,) = house.gallery._handed
    house.gallery._handed[token] = {"Colour": np.zeros((1, 3), np.float32)}
    assert house.colours("A") == [RED]
    house.enrol("A", "ann", GREEN)
    (token,) = house.gallery._handed
    house.gallery._handed[token] = {name: rows[:0] for name, rows in house.gallery._handed[token].items()}
    assert house.colours("A") == [RED, GREEN]


def test_memory_waits_for_a_limited_number_of_enrolments(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_HANDED", 2)
    for number in range(4):
        house.enrol(f"P{number}", "ann", (number, 0, 0))
    assert len(house.gallery._handed) == 2
    assert [house.colours(f"P{number}") for number in range(4)] == [[(number, 0, 0)] for number in range(4)]


def test_a_change_that_fails_half_way_hides_nobody_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.enrol("A", "ann", RED)
    house.gallery.snapshot()
    house.enrol("A", "ann", GREEN)
    house.enrol("B", "bea", BLUE)
    monkeypatch.setattr(house.gallery, "_template", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        house.gallery.snapshot()
    monkeypatch.undo()
    assert (house.colours("A"), house.colours("B")) == ([RED, GREEN], [BLUE])


def test_enrolling_writes_what_it_adds_and_not_the_whole(house: House) -> None:
    house.enrol("A", "ann", RED)
    before = {path.name: path.read_bytes() for path in pickles(house)}
    house.enrol("B", "bea", GREEN)
    after = {path.name: path.read_bytes() for path in pickles(house)}
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2


@pytest.mark.parametrize("fresh", [True, False])
def test_deleting_the_pickles_hides_nobody(house: House, fresh: bool) -> None:
    house.enrol("A", "ann", RED, GREEN)
    house.gallery.snapshot()
    names = [path.name for path in pickles(house)]
    assert house.gallery.delete_pickles() == dict.fromkeys(names, Code.PICKLE_DELETED)
    later = house.another() if fresh else house
    assert (later.colours("A"), calls(later)) == ([RED, GREEN], [2, 2] if fresh else [0, 0])
    if fresh:
        assert [path.name for path in pickles(house)] == names
        assert (house.another().colours("A"), calls(house)) == ([RED, GREEN], [0, 0])


def test_deleting_when_there_are_none_names_the_expected_files(house: House) -> None:
    assert house.gallery.delete_pickles() == {
        "gallery_Colour_0000000000000000.pkl": Code.PICKLE_ABSENT,
        "gallery_Bright-ness_bbbbbbbbbbbbbbbb.pkl": Code.PICKLE_ABSENT,
    }


def test_an_enrolment_between_deletion_and_rebuild_is_seen(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.gallery.delete_pickles()
    house.enrol("B", "bea", GREEN)
    later = house.another()
    assert (later.colours("A"), later.colours("B")) == ([RED], [GREEN])


def test_a_rebuild_computes_everything_again_from_the_source_crops(house: House) -> None:
    house.enrol("A", "ann", RED, GREEN)
    house.enrol("B", "bea", BLUE)
    (house.root / ("gallery_Colour_" + "1" * 16 + ".pkl")).write_bytes(b"of an older version")
    assert house.gallery.rebuild() == {"Colour": Code.PICKLE_REBUILT, "Bright-ness": Code.PICKLE_REBUILT}
    assert calls(house) == [3, 3]
    assert [path.name for path in pickles(house)] == [
        "gallery_Bright-ness_bbbbbbbbbbbbbbbb.pkl",
        "gallery_Colour_0000000000000000.pkl",
    ]
    later = house.another()
    assert (later.colours("A"), later.colours("B"), calls(later)) == ([RED, GREEN], [BLUE], [0, 0])
    assert house.colours("A") == [RED, GREEN]


def test_a_cut_file_is_refused_and_rebuilt(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.enrol("A", "ann", RED)
    victim = house.root.joinpath(*[path.name for path in pickles(house) if "Colour" in path.name])
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])
    later = house.another()
    assert (later.colours("A"), calls(later)) == ([RED], [1, 0])
    assert f"gallery file {victim.name} refused" in caplog.text
    assert victim.read_bytes() == whole


def test_another_version_of_a_model_computes_its_own_embeddings(house: House) -> None:
    house.enrol("A", "ann", RED)

    class Newer(ColourEmbedder):
        version = "c" * 16

    newer = House(house.where, house.folder, embedders=[Newer(), Brightness()], prepared=True)
    assert (newer.colours("A"), calls(newer)) == ([RED], [1, 0])
    assert len([path for path in pickles(house) if "c" * 16 in path.name]) == 1


def test_a_person_without_source_crops_is_left_out_logged_and_found_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", GREEN)
    house.gallery.delete_pickles()
    (house.root / "ann-A").rename(house.folder / "away")
    later = house.another()
    assert (list(later.gallery.snapshot().ids), later.colours("A"), later.colours("B")) == (["B"], None, [GREEN])
    assert "has no embeddings and no source crops" in caplog.text
    (house.folder / "away").rename(house.root / "ann-A")
    assert later.colours("A") == [RED]


def test_a_first_enrolment_that_is_found_late_is_still_the_first(house: House) -> None:
    first = house.enrol("A", "ann", RED, BLUE).main[0].rpartition("/")[2][:32]
    house.enrol("A", "ann", GREEN)
    house.gallery.delete_pickles()
    away = [path.rename(house.folder / path.name) for path in (house.root / "ann-A" / "source").glob(f"{first}*")]
    later = house.another()
    assert (len(away), later.colours("A")) == (3, [GREEN])
    for path in away:
        path.rename(house.root / "ann-A" / "source" / path.name)
    found = later.gallery.snapshot().person("A")
    assert found
    assert (later.colours("A"), found.first) == ([RED, BLUE, GREEN], 2)


def test_a_damaged_source_crop_leaves_out_only_its_enrolment(house: House) -> None:
    done = house.enrol("A", "ann", RED)
    house.enrol("A", "ann", GREEN)
    (house.root / done.main[0].replace("/faces/", "/source/")).write_bytes(b"no picture")
    house.gallery.delete_pickles()
    assert house.another().colours("A") == [GREEN]


def test_a_model_that_gives_no_numbers_is_an_error_and_never_a_score(house: House) -> None:
    class Broken(ColourEmbedder):
        def embed(self, crops: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return np.full((1, 3), np.nan, np.float32)

    house.enrol("A", "ann", RED)
    house.gallery.delete_pickles()
    broken = House(house.where, house.folder, embedders=[Broken()], prepared=True)
    with pytest.raises(ValueError, match="not numbers"):
        broken.gallery.snapshot()
    assert pickles(house) == []


def test_who_is_forgotten_while_embeddings_are_computed_again_is_in_no_file(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", GREEN)
    house.gallery.delete_pickles()
    other = house.another()
    embed, forgets = other.models[0].embed, iter(["A"])

    def embed_while_one_is_forgotten(crops: Sequence[Crop]) -> Floats:
        for person_id in forgets:
            house.forgetting.forget(person_id)
        return embed(crops)

    other.models[0].embed = embed_while_one_is_forgotten  # type: ignore[method-assign]
    other.gallery.snapshot()
    keys = [Key(model.name, model.version, model.size) for model in house.models]
    kept = {token for key in keys for token in PickleStore(house.kept).read_all(key)}
    assert kept == {one.token for one in house.enrolments.of_people(["B"])}
    assert (other.colours("A"), other.colours("B")) == (None, [GREEN])


def test_compaction_keeps_everybody_drops_the_removed_and_leaves_one_file_a_model(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", GREEN)
    house.enrol("A", "ann", BLUE, in_place=True)
    assert house.gallery.backlog() == 4
    assert house.gallery.compact() is True
    assert (house.gallery.backlog(), len(pickles(house))) == (0, 2)
    house.enrol("C", "cid", WHITE)
    assert house.gallery.compact() is True
    later = house.another()
    assert [later.colours(name) for name in "ABC"] == [[BLUE], [GREEN], [WHITE]]
    assert (calls(later), len(pickles(house))) == ([0, 0], 2)


def test_a_process_that_is_behind_finds_embeddings_that_compaction_moved(house: House) -> None:
    other = house.another()
    other.gallery.snapshot()
    house.enrol("A", "ann", RED)
    house.gallery.compact()
    assert (other.colours("A"), calls(other)) == ([RED], [0, 0])


def test_two_processes_never_compact_at_once(house: House) -> None:
    house.enrol("A", "ann", RED)
    with files.locked(house.root / LOCK) as ours:
        assert (ours, house.gallery.compact(), house.gallery.backlog()) == (True, False, 2)
    assert house.gallery.compact() is True


def test_compaction_leaves_the_segment_of_an_enrolment_under_way(house: House) -> None:
    house.enrol("A", "ann", RED)
    ours = Enrolment("d" * 32, "D", "d-D", "upload", 1)
    house.gallery.add(ours, {"Colour": np.ones((1, 3), np.float32)})
    house.gallery.compact()
    assert [path.name for path in pickles(house) if "d" * 32 in path.name] == [
        "gallery_Colour_0000000000000000_" + "d" * 32 + ".pkl"
    ]


def test_compaction_loses_no_enrolment_that_is_committed_in_the_middle(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, go_on = threading.Event(), threading.Event()

    def step(name: str) -> None:
        if name == "segments written":
            written.set()
            go_on.wait(60)

    enrolling = threading.Thread(target=house.another(step).enrol, args=("A", "ann", RED))
    enrolling.start()
    written.wait(60)
    usual = house.enrolments.changes

    def changes(since: int) -> Changes:
        found = usual(since)
        go_on.set()
        enrolling.join()
        return found

    monkeypatch.setattr(house.enrolments, "changes", changes)
    assert house.gallery.compact() is True
    later = house.another()
    assert (later.colours("A"), calls(later)) == ([RED], [0, 0])


def test_threads_searching_while_people_are_enrolled_see_whole_snapshots(house: House) -> None:
    faults: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            snapshot = house.gallery.snapshot()
            reds = [float(row[0]) for block in snapshot.blocks for row in block.templates["Colour"]]
            if reds != [1 + int(name) for name in snapshot.ids]:
                faults.append(f"version {snapshot.version}")

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for number in range(12):
        house.enrol(str(number % 8), "ann", (number % 8, 0, 0), in_place=number >= 8)
    over.set()
    for watcher in watchers:
        watcher.join()
    assert (faults, len(house.gallery.snapshot().ids)) == ([], 8)
