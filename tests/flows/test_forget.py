"""Forgetting: what the caller gets."""

from __future__ import annotations

from codes_dict import Code
from tests.flows.world import ANN, BEN, BLUE, RED, World, code_of, ended


def test_whoever_is_forgotten_is_not_verified_and_the_reply_has_the_receipt() -> None:
    world = World()
    world.known(ANN, RED)
    world.known(BEN, BLUE)
    code, results = ended(world.forget)
    assert (code, results["receipt"]) == (Code.DONE, {"person": "not ID-1", "rows": 1})
    assert code_of(lambda: world.verify(world.stored(RED).upload_id)) is Code.NO_ROW
    assert code_of(lambda: world.verify(world.stored(BLUE, person_id=BEN).upload_id)) is Code.VERIFIED


def test_an_unknown_id_is_116_and_a_malformed_one_127() -> None:
    code, results = ended(World().forget)
    assert (code, results["field"], results["advice"]) == (Code.NO_ROW, "id", "Nothing is stored under this ID.")
    assert code_of(lambda: World().forget("../etc")) is Code.ID_NOT_MATCHED
