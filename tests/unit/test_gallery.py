"""The gallery: always current, computed once, rebuilt from the source crops. On servers too, in tests/mysql."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from codes_dict import Code
from db import files
from db.enrolments import Enrolment
from db.gallery.index import Index, Rows
from db.gallery.pickles import LOCK
from tests.db_house import BLUE, GREEN, RED, WHITE, Brightness, House, Where
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


def test_an_empty_gallery_has_arrays_of_the_right_shape(house: House) -> None:
    snapshot = house.gallery.snapshot()
    shapes = {model: rows.shape for model, rows in snapshot.templates.items()}
    assert (list(snapshot.ids), shapes, snapshot.person("A")) == ([], {"Colour": (0, 3), "Bright-ness": (0, 2)}, None)


def test_templates_are_in_the_order_of_the_ids_and_read_only(house: House) -> None:
    house.enrol("A", "ann", RED, GREEN)
    house.enrol("B", "bea", BLUE)
    snapshot = house.gallery.snapshot()
    rows = snapshot.templates["Colour"]
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
    old = house.gallery.snapshot()
    rows = old.templates["Colour"]
    del old
    house.enrol("A", "ann", GREEN, in_place=True)
    house.enrol("C", "cid", WHITE)
    new = house.gallery.snapshot()
    assert rows.tolist() == [[201, 11, 11], [11, 11, 201]]
    assert new.templates["Colour"].tolist() == [[11, 201, 11], [11, 11, 201], [251, 251, 251]]


def test_an_id_is_found_in_the_ids_of_old_and_new_snapshots() -> None:
    index = Index({"m": 1})
    one = np.ones(1, np.float32)
    for name in "abcd":
        index.put(name, {"m": one[None]}, {"m": one * ord(name)})
    old = index.snapshot(1)
    index.drop("b")
    index.put("e", {"m": one[None]}, {"m": one * ord("e")})
    new = index.snapshot(2)
    assert (list(old.ids), list(new.ids)) == (["a", "b", "c", "d"], ["a", "d", "c", "e"])
    assert [old.ids.index(name) for name in "abcd"] == [0, 1, 2, 3]
    assert [new.ids.index(name) for name in "adce"] == [0, 1, 2, 3]
    assert ("b" in old.ids, "b" in new.ids, "e" in old.ids, new.ids[-1], new.ids[1:3]) == (
        True, False, False, "e", ["d", "c"],
    )  # fmt: skip
    assert old.templates["m"].ravel().tolist() == [97, 98, 99, 100]
    assert new.templates["m"].ravel().tolist() == [97, 100, 99, 101]


def test_rows_grow_without_moving_and_are_copied_only_while_somebody_looks() -> None:
    rows = Rows(2, capacity=4)
    for number in range(3):
        rows.append(np.full(2, number, np.float32))
    view = rows.view()
    address = view.ctypes.data
    rows.append(np.full(2, 3, np.float32))
    assert rows.view().ctypes.data == address
    derived = view[1:]
    del view
    rows.replace(1, np.full(2, 9, np.float32))
    assert (rows.view().ctypes.data == address, derived[0].tolist(), rows.view()[1].tolist()) == (False, [1, 1], [9, 9])
    del derived
    gc.collect()
    address = rows.view().ctypes.data
    rows.replace(1, np.full(2, 8, np.float32))
    assert (rows.view().ctypes.data, rows.view()[1].tolist()) == (address, [8, 8])


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
    assert "of A has no embeddings and no source crops" in caplog.text
    (house.folder / "away").rename(house.root / "ann-A")
    assert later.colours("A") == [RED]


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


def test_compaction_keeps_everybody_drops_the_removed_and_leaves_one_file_a_model(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.enrol("B", "bea", GREEN)
    house.enrol("A", "ann", BLUE, in_place=True)
    assert house.gallery.segments() == 4
    assert house.gallery.compact() is True
    assert (house.gallery.segments(), len(pickles(house))) == (0, 2)
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
        assert (ours, house.gallery.compact(), house.gallery.segments()) == (True, False, 2)
    assert house.gallery.compact() is True


def test_compaction_leaves_the_segment_of_an_enrolment_under_way(house: House) -> None:
    house.enrol("A", "ann", RED)
    ours = Enrolment("d" * 32, "D", "d-D", "upload", 1)
    house.gallery.add_segment(ours, {"Colour": np.ones((1, 3), np.float32)})
    house.gallery.compact()
    assert [path.name for path in pickles(house) if "d" * 32 in path.name] == [
        "gallery_Colour_0000000000000000_" + "d" * 32 + ".pkl"
    ]


def test_threads_searching_while_people_are_enrolled_see_whole_snapshots(house: House) -> None:
    faults: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            snapshot = house.gallery.snapshot()
            rows = snapshot.templates["Colour"]
            if len(rows) != len(snapshot.ids) or any(
                row[0] != 1 + int(name) for row, name in zip(rows, snapshot.ids, strict=True)
            ):
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
