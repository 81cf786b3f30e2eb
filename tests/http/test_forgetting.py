"""A person who is forgotten over HTTP, with real photos and models: no byte is left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from db.installation import PSEUDONYMS, RECEIPTS, own_key
from pipeline.pseudonym import log_name, pseudonym
from security.receipts import is_genuine, receipt_name
from tests.http.site import ID, OTHER_ID, Site, code, new_photo, results

pytestmark = pytest.mark.models

NAME = "Zebulon Quartermaine"


def windows(data: bytes) -> list[bytes]:
    """Return 20 parts of a photo or embedding, none from the beginning or the end, which others share."""
    parts = [data[place : place + 24] for place in np.linspace(len(data) // 10, len(data) * 9 // 10, 20).astype(int)]
    return [part for part in parts if len(set(part)) > 6]  # a black part is everywhere


def found(folder: Path, needles: Iterable[bytes]) -> set[bytes]:
    """Return which of these are in names or contents of any file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    blob = b" ".join(str(path.relative_to(folder)).encode() + b" " + path.read_bytes() for path in files)
    return {needle for needle in needles if needle in blob}


def test_no_byte_of_a_forgotten_person_is_left(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.edit(REPLAY_POLICY="refuse")
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    site.enrolled(astronaut, name=NAME)
    photo = new_photo(astronaut)
    assert code(site.verify(site.uploaded(photo))) == 200
    _, records = site.records()
    records.gallery.compact()
    person = records.gallery.snapshot().person(ID)
    assert person is not None
    crops = [path.read_bytes() for path in site.people.rglob("*.png") if ID in str(path)]
    rows = [np.ascontiguousarray(row, "<f4").tobytes() for block in person.values() for row in block]
    words = [NAME.encode(), b"zebulon", ID.encode()]
    words += [window for data in (astronaut, photo, *crops, *rows) for window in windows(data)]
    assert len(found(site.folder, words)) > len(words) * 0.9

    in_log = log_name(records.audit.subject(ID))
    assert f", person {in_log} (" in site.log()

    reply = site.client.delete(f"/people/{ID}")
    receipt = results(reply)["receipt"]
    in_receipt = receipt_name(own_key(records.database, PSEUDONYMS), ID)
    assert (code(reply), receipt["person"]) == (101, in_receipt)
    assert is_genuine(own_key(records.database, RECEIPTS), receipt)
    assert (receipt["removed"]["rows"], receipt["removed"]["uploads"]) == (1, 2)
    assert found(site.folder, words) == set()
    assert in_receipt in site.log()
    assert in_log in site.log()  # but nobody can compute it any more:
    assert in_log != pseudonym(ID)
    assert code(site.client.delete(f"/people/{ID}")) == 116
    assert code(site.verify(site.uploaded(new_photo(grace_hopper), person_id=OTHER_ID))) == 200
