"""A folder of people: who is in it, which photos, and what the report says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.enrol_folder.cluster import MEMORY, why_unschedulable
from tools.enrol_folder.layout import MEGABYTE, Candidate, LayoutError, read_folder, read_photos
from tools.enrol_folder.report import Entry, Report, State


def make(folder: Path, *names: str, listed: str = "") -> Path:
    for name in names:
        (folder / name).mkdir()
    if listed:
        (folder / "people.csv").write_text(listed, encoding="utf-8")
    return folder


def test_a_folders_name_is_the_id_and_perhaps_the_name(tmp_path: Path) -> None:
    people, left_out = read_folder(make(tmp_path, "ID-1", "ID-2__Ada_Lovelace", ".hidden"))
    assert people == [
        Candidate("ID-1", "ID-1", tmp_path / "ID-1"),
        Candidate("ID-2", "Ada Lovelace", tmp_path / "ID-2__Ada_Lovelace"),
    ]
    assert left_out == []


def test_a_list_gives_names_and_ids_to_folders(tmp_path: Path) -> None:
    listed = "\ufeffID, Name\nID-1,".replace(" ", "") + '"Lovelace, Ada"\n'
    people, _ = read_folder(make(tmp_path, "ID-1", "ID-2", listed=listed))
    assert [(one.id, one.name) for one in people] == [("ID-1", "Lovelace, Ada"), ("ID-2", "ID-2")]
    (tmp_path / "people.csv").write_text("id,name,folder\nID-7,Ada,ID-1\n", encoding="utf-8")
    assert [one.id for one in read_folder(tmp_path)[0]] == ["ID-7", "ID-2"]


def test_a_line_without_its_folder_is_left_out(tmp_path: Path) -> None:
    people, left_out = read_folder(make(tmp_path, "ID-1", listed="id,name\nID-2,Ada\n"))
    assert [one.id for one in people] == ["ID-1"]
    assert [(one.id, one.state) for one in left_out] == [("ID-2", State.LEFT_OUT)]


def test_an_id_of_two_folders_is_left_out(tmp_path: Path) -> None:
    people, left_out = read_folder(make(tmp_path, "ID-1", "ID-1__Ada", "ID-2"))
    assert [one.id for one in people] == ["ID-2"]
    assert [one.message for one in left_out] == ["Several folders have this ID: ID-1, ID-1__Ada."] * 2


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ("name\nAda\n", "does not begin with a line id,name or id,name,folder"),
        ("id,name\n,Ada\n", "line 2, has no id"),
        ("id,name,folder\nA,Ada,x\nB,Bob,x\n", "line 3, names x a second time"),
        ("id,name\nA,\udcff\n", "cannot be read as a list in UTF-8"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, listed: str, why: str) -> None:
    (make(tmp_path, "A") / "people.csv").write_bytes(listed.encode("utf-8", "surrogateescape"))
    with pytest.raises(LayoutError, match=why):
        read_folder(tmp_path)


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="has no folders of people"):
        read_folder(tmp_path)
    with pytest.raises(LayoutError, match="is not a folder"):
        read_folder(tmp_path / "none")


def test_photos_are_read_once_each_and_within_the_limits(tmp_path: Path) -> None:
    contents = {"a.jpg": b"1", "b.jpg": b"1", ".c.jpg": b"2", "d": b"3" * (MEGABYTE + 1), "e.jpg": b"4" * MEGABYTE}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    found = read_photos(tmp_path, max_image_mb=1, max_all_mb=1)
    assert [(one.name, one.data) for one in found.photos] == [("a.jpg", b"1")]
    assert found.left_out == {
        "b.jpg": "The same file as a.jpg.",
        "d": "The file is larger than MAX_IMAGE_MB, 1 MiB.",
        "e.jpg": "The person's other photos already fill MAX_UPLOAD_MB, 1 MiB.",
    }


def reported(folder: Path, *entries: Entry, not_reached: int = 0) -> tuple[dict[str, object], list[str]]:
    said: list[str] = []
    report = Report(folder, said.append)
    report.open(folder / "report.json")
    for entry in entries:
        report.add(entry)
    report.not_reached = not_reached
    report.close()
    return json.loads((folder / "report.json").read_text()), said


def test_the_report_names_everybody_with_code_and_advice(tmp_path: Path) -> None:
    blurred = {"c.jpg": "Blurred."}
    ada = Entry("ID-1", "Ada", "f/ID-1", State.ENROLLED, 800, "Inserted.", "Nothing.", 2, blurred, ["ID-9"])
    bob = Entry("ID-2", "Bob", "f/ID-2", State.LEFT_OUT, 120, "Rejected.", "Take new photos.", is_the_servers=True)
    written, said = reported(tmp_path, ada, bob)
    assert said == [
        "ID-1  Ada: enrolled 800, 2 photos. Inserted. The same face is enrolled as ID-9.",
        "    c.jpg: Blurred.",
        "ID-2  Bob: left out 120. Rejected. Take new photos.",
    ]
    assert written["people"] == [
        {
            "id": "ID-1", "name": "Ada", "folder": "f/ID-1", "state": "enrolled", "code": 800, "message": "Inserted.",
            "advice": "Nothing.", "photos": 2, "left_out": {"c.jpg": "Blurred."}, "possible_duplicates": ["ID-9"],
        },
        {
            "id": "ID-2", "name": "Bob", "folder": "f/ID-2", "state": "left out", "code": 120, "message": "Rejected.",
            "advice": "Take new photos.", "photos": 0, "left_out": {}, "possible_duplicates": [],
        },
    ]  # fmt: skip
    assert written["complete"] is True
    assert written["counts"] == {"enrolled": 1, "already enrolled": 0, "left out": 1, "not reached": 0}


def test_the_report_of_a_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    written, _ = reported(tmp_path, not_reached=3)
    assert (written["people"], written["complete"]) == ([], False)
    assert not (tmp_path / "report.json.part").exists()


def test_a_killed_run_leaves_a_line_per_person(tmp_path: Path) -> None:
    report = Report(tmp_path, lambda _line: None)
    report.open(tmp_path / "report.csv")
    for name in ("Ada", "\u674e"):
        report.add(Entry(f"ID-{name}", name, "f", State.ENROLLED, 800))
    lines = (tmp_path / "report.csv.part").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["Ada", "\u674e"]
    assert not (tmp_path / "report.csv").exists()
    report.close()


def test_a_report_that_can_no_longer_be_written_stops_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    report, file = Report(tmp_path, said.append), tmp_path / "report.json"
    (tmp_path / "report.json.part").symlink_to("/dev/full")
    report.open(file)
    report.add(Entry("ID-1", "Ada", "f", State.ALREADY))
    report.close()
    assert said == ["ID-1  Ada: already enrolled", f"The report cannot be written to {file}: No space left on device."]
    assert not report.is_whole


def node(cpus: float, memory: float, address: str = "127.0.0.1", alive: bool = True) -> dict[str, object]:
    return {"Alive": alive, "NodeManagerAddress": address, "Resources": {"CPU": cpus, "memory": memory}}


def test_a_cluster_without_room_for_a_worker_is_told_from_one_that_is_busy() -> None:
    fits, small, idle, dead = node(1, MEMORY), node(8, MEMORY - 1), node(0, 2 * MEMORY), node(1, MEMORY, alive=False)
    assert why_unschedulable([small, fits], is_embedded=True) == ""
    assert why_unschedulable([small, idle, dead], is_embedded=True).startswith(
        "No node of the cluster has a CPU and 900 MiB"
    )


def test_sqlite_is_refused_on_a_cluster_of_several_machines() -> None:
    nodes = [node(1, MEMORY), node(1, MEMORY, "127.0.0.2")]
    assert why_unschedulable(nodes, is_embedded=True).startswith(
        "SQLite works on one machine only, and the cluster has several: "
    )
    assert why_unschedulable(nodes, is_embedded=False) == ""
