"""IDs that are one person: linked both ways, by an admin, and forgotten with the person."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from db.initialise import initialise
from db.kept import KeptFiles
from db.people import People
from db.same_people import SamePeople
from db.schema import PeopleNames
from tests.db_house import BLUE, RED, House, Where
from tools.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(where: Where, tmp_path: Path) -> House:
    return House(where, tmp_path)


def test_a_link_holds_in_both_directions_until_it_is_removed(house: House) -> None:
    links = SamePeople(house.database)
    for _ in range(2):
        links.link("A", "B")
    links.link("A", "C")
    assert [links.of(one) for one in "ABCD"] == [{"B", "C"}, {"A"}, {"A"}, set()]
    assert [links.unlink("B", "A"), links.unlink("B", "A")] == [True, False]
    assert [house.people.same_as(one) for one in "ABC"] == [{"C"}, set(), {"A"}]


def test_an_id_is_not_linked_with_itself(house: House) -> None:
    with pytest.raises(ValueError, match="itself"):
        SamePeople(house.database).link("A", "A")


def test_whoever_gets_an_id_next_has_no_links(house: House) -> None:
    house.enrol("A", "Ann", RED)
    SamePeople(house.database).link("A", "B")
    house.enrol("A", "Ann", RED)
    assert house.people.same_as("A") == {"B"}
    house.execute("DELETE FROM faceapp WHERE RECO_ID = 'A'")
    house.enrol("A", "Another", BLUE)
    assert not house.people.same_as("A") | house.people.same_as("B")


def test_the_command_links_enrolled_ids_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("db", "bin/model", "static/people", "static/uploads"):
        (tmp_path / folder).mkdir(parents=True)
    env = ["--env", str(shutil.copy(ROOT / ".env.example", tmp_path / ".env"))]
    names = PeopleNames("reco_table", "reco_id", "reco_name", "reco_path")
    initialise(f"sqlite:///{tmp_path}/db/faceapp.sqlite", names)
    database = Where(f"sqlite:///{tmp_path}/db/faceapp.sqlite").database()
    people = People(database, names, KeptFiles(tmp_path / "static/people"))
    with database.writing() as connection:
        people.insert(connection, "A", "Ann", "ann")
    assert main(["people-local", "same", "A", "B", *env]) == 2
    assert "B: not enrolled" in capsys.readouterr().err
    with database.writing() as connection:
        people.insert(connection, "B", "Ann", "ann-b")
    assert [main(["people-local", what, "A", "B", *env]) for what in ("same", "different", "different")] == [0, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        "A and B are one person.", "A and B are two people.", "A and B were not linked.",
    ]  # fmt: skip
    asked = [["list"], ["forget", "A"], ["list"]]
    assert [main(["people-local", *words, *env]) for words in asked] == [0, 0, 0]
    shown = capsys.readouterr().out
    assert shown.startswith("A\tAnn\nB\tAnn\n{")
    assert (shown.splitlines()[-1], '"rows": 1' in shown) == ("B\tAnn", True)
    assert main(["people-local", "forget", "A", *env]) == 2
    assert "A: nothing is stored under this ID" in capsys.readouterr().err
