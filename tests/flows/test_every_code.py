"""Every code that a flow can end with, each by the shortest way there."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from codes_dict import Code, Outcome
from pipeline.flows import (
    CompareRequest,
    SearchRequest,
    SentFile,
    compare,
    facenet,
    faces_of,
    search,
)
from pipeline.flows.people import move_face, take_face
from pipeline.types import Liveness
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, RED, World, code_of, photo_file, stored_photo

Arrange = Callable[[World], Callable[[], Outcome]]
"""Prepares a world and returns the call whose code counts."""


def with_fault(store: str, fault: Code, call: Arrange) -> Arrange:
    """Return the call, made while a store refuses everything with a fault."""

    def arrange(world: World) -> Callable[[], Outcome]:
        prepared = call(world)
        getattr(world, store).fault = fault
        return prepared

    return arrange


def uploading(*files: bytes | None, person_id: str = ANN, nonce: str | None = None, **policy: object) -> Arrange:
    def arrange(world: World) -> Callable[[], Outcome]:
        vars(world.policy).update(policy)
        return lambda: world.upload(*files, person_id=person_id, nonce=nonce)

    return arrange


def answering(over: Code | None, person_id: str = ANN) -> Arrange:
    def arrange(world: World) -> Callable[[], Outcome]:
        nonce = world.challenges.issue(ANN, ["turn_left"])
        if over is not None:
            world.challenges.over[nonce] = over
        return lambda: world.upload(photo_file(RED), person_id=person_id, nonce=nonce)

    return arrange


def enrolling(
    *colours: tuple[int, int, int], known: str = "", state: Liveness = Liveness.LIVE, name: str = "Ann", **flags: bool
) -> Arrange:
    """Enrol photos of these colours; `known` is an ID whose red face is enrolled already."""

    def arrange(world: World) -> Callable[[], Outcome]:
        world.state_of = lambda _: state
        if known:
            world.known(known, RED)
        upload = world.stored(*colours)
        return lambda: world.enrol(upload.upload_id, name, **flags)

    return arrange


def verifying(
    *colours: tuple[int, int, int], known: str = ANN, state: Liveness = Liveness.LIVE, **flags: bool
) -> Arrange:
    """Verify photos of these colours; `known` is the ID whose red face is enrolled."""

    def arrange(world: World) -> Callable[[], Outcome]:
        world.state_of = lambda _: state
        if known:
            world.known(known, RED)
        upload = world.stored(*colours)
        return lambda: world.verify(upload.upload_id, **flags)

    return arrange


def sent(*colours: tuple[int, int, int]) -> list[SentFile]:
    return [SentFile("me.png", photo_file(one)) for one in colours]


def comparing(first: tuple[int, int, int], *others: tuple[int, int, int]) -> Arrange:
    def arrange(world: World) -> Callable[[], Outcome]:
        return lambda: compare(CompareRequest(sent(first), sent(*others)), world.services)

    return arrange


def known(world: World) -> str:
    world.known(ANN, RED)
    return ANN


def changed(call: Arrange, **policy: object) -> Arrange:
    """Return the call under other settings."""

    def arrange(world: World) -> Callable[[], Outcome]:
        prepared = call(world)
        vars(world.policy).update(policy)
        return prepared

    return arrange


def unreadable(fault: Code, *, enrolled: bool) -> Arrange:
    def arrange(world: World) -> Callable[[], Outcome]:
        upload = world.stored(RED)
        upload.fault = fault
        return lambda: world.enrol(upload.upload_id) if enrolled else world.verify(upload.upload_id)

    return arrange


def damaged(world: World) -> Callable[[], Outcome]:
    photo = stored_photo(RED)
    upload = world.stored(type(photo)(photo.image, photo.data[:60]))
    return lambda: world.verify(upload.upload_id)


def only_face(world: World) -> Callable[[], Outcome]:
    world.known(ANN, RED)
    return lambda: take_face(ANN, f"{ANN}_00", world.services)


def without_folder(world: World) -> Callable[[], Outcome]:
    call = verifying(RED)(world)
    world.people.folders.clear()
    return call


def used_elsewhere(world: World) -> Callable[[], Outcome]:
    call = verifying(RED)(world)
    code_of(lambda: world.verify(world.stored(RED).upload_id))
    return call


def used_up(world: World) -> Callable[[], Outcome]:
    call = enrolling(RED)(world)
    assert code_of(call) is Code.ENROLLED
    return call


def without_liveness(call: Arrange) -> Arrange:
    def arrange(world: World) -> Callable[[], Outcome]:
        world.liveness_fault = Code.NO_LIVENESS
        return call(world)

    return arrange


def by_the_second_look(world: World) -> Callable[[], Outcome]:
    world.scorer.first = -1.0
    return verifying(RED)(world)


def standing_still(world: World) -> Callable[[], Outcome]:
    world.known(ANN, RED)
    upload = world.stored(RED, RED, challenge=["turn_left"])
    return lambda: world.verify(upload.upload_id)


SPOOF, UNCERTAIN = Liveness.SPOOF, Liveness.UNCERTAIN
CASES: list[tuple[str, Code, Arrange]] = [
    ("challenge", Code.DONE, lambda world: world.challenge),
    ("challenge, bad ID", Code.ID_NOT_MATCHED, lambda world: lambda: world.challenge("Ann")),
    ("challenge, no database", Code.DB_DOWN, with_fault("challenges", Code.DB_DOWN, lambda world: world.challenge)),
    ("upload", Code.UPLOADED, uploading(photo_file(RED))),
    ("upload, bad ID", Code.ID_NOT_MATCHED, uploading(photo_file(RED), person_id="ID-1/../../x")),
    ("upload, no photo", Code.ALL_REJECTED, uploading(b"text", b"")),
    ("upload, low scores", Code.ALL_REJECTED, uploading(photo_file(RED), score_tol=9.0)),
    ("upload, bad base64", Code.BAD_BASE64, uploading(None, None)),
    ("upload, some bad base64", Code.UPLOADED, uploading(None, photo_file(RED))),
    ("upload, disk full", Code.NO_SPACE, with_fault("uploads", Code.NO_SPACE, uploading(photo_file(RED)))),
    ("answer", Code.UPLOADED, answering(None)),
    ("answer to nothing", Code.CHALLENGE_MISSING, uploading(photo_file(RED), nonce="")),
    ("answer too late", Code.CHALLENGE_EXPIRED, answering(Code.CHALLENGE_EXPIRED)),
    ("answer again", Code.CHALLENGE_REUSED, answering(Code.CHALLENGE_REUSED)),
    ("answer of another", Code.CHALLENGE_FOREIGN, answering(None, BEN)),
    ("answer, no database", Code.DB_DOWN, with_fault("challenges", Code.DB_DOWN, answering(None))),
    ("enrol", Code.ENROLLED, enrolling(RED)),
    ("enrol, needless in_place", Code.ENROLLED_NEEDLESS_IN_PLACE, enrolling(RED, in_place=True)),
    ("enrol, add", Code.ENROLLED_ADDED, enrolling(RED, known=ANN)),
    ("enrol, replace", Code.ENROLLED_REPLACED, enrolling(RED, known=ANN, in_place=True)),
    ("enrol, bad ID", Code.ID_NOT_MATCHED, changed(enrolling(RED), id_regex="NEW")),
    ("enrol, bad name", Code.BAD_NAME, enrolling(RED, name=" ")),
    ("enrol, files gone", Code.NO_IMAGES, unreadable(Code.NO_IMAGES, enrolled=True)),
    ("enrol, a file gone", Code.IMAGE_MISSING, unreadable(Code.IMAGE_MISSING, enrolled=True)),
    ("enrol, nobody", Code.NO_SINGLE_FACE, lambda world: enrolling(BLACK)(empty(world))),
    ("enrol, no liveness", Code.NO_LIVENESS, without_liveness(enrolling(RED))),
    ("enrol, spoof", Code.ALL_SPOOF, enrolling(RED, state=SPOOF)),
    ("enrol, uncertain", Code.NONE_LIVE, enrolling(RED, state=UNCERTAIN)),
    ("enrol, spoof, warn", Code.ENROLLED, changed(enrolling(RED, state=SPOOF), enrol_liveness="warn")),
    ("enrol, no liveness, warn", Code.NO_LIVENESS, without_liveness(changed(enrolling(RED), enrol_liveness="warn"))),
    ("enrol, no liveness, off", Code.ENROLLED, without_liveness(changed(enrolling(RED), enrol_liveness="off"))),
    ("enrol, two people", Code.DIFFERENT_PEOPLE, enrolling(RED, DARK_RED, BLUE)),
    ("enrol, not the ID's", Code.DIFFERENT_PEOPLE, enrolling(BLUE, known=ANN)),
    ("enrol, not the ID's, in_place", Code.DIFFERENT_PEOPLE, enrolling(BLUE, known=ANN, in_place=True)),
    ("enrol, under another ID", Code.BELONGS_TO_OTHER, changed(enrolling(RED, known=BEN), duplicate_policy="refuse")),
    ("enrol, under another ID, off", Code.ENROLLED, changed(enrolling(RED, known=BEN), duplicate_policy="off")),
    ("enrol, table too narrow", Code.INSERT_FAILED, with_fault("enrolments", Code.INSERT_FAILED, enrolling(RED))),
    ("enrol, no database", Code.DB_DOWN, with_fault("enrolments", Code.DB_DOWN, enrolling(RED))),
    ("enrol, no vectors", Code.VECTORS_DOWN, with_fault("gallery", Code.VECTORS_DOWN, enrolling(RED))),
    ("enrol, disk full", Code.NO_SPACE, with_fault("enrolments", Code.NO_SPACE, enrolling(RED))),
    ("enrol, unknown", Code.UPLOAD_GONE, lambda world: lambda: world.enrol("ID-1-0")),
    ("enrol, again", Code.UPLOAD_GONE, used_up),
    ("verify", Code.VERIFIED, verifying(RED)),
    ("verify, second look", Code.VERIFIED, by_the_second_look),
    ("verify, found", Code.FOUND, verifying(RED, skip_verify=True)),
    ("verify, another found", Code.FOUND_OTHER, verifying(RED, known=BEN, skip_verify=True)),
    ("verify, nobody found", Code.NOT_VERIFIED, verifying(BLUE)),
    ("verify, no search", Code.NOT_VERIFIED, verifying(BLUE, skip_db_search=True)),
    ("verify, two people", Code.DIFFERENT_PEOPLE, verifying(RED, BLUE)),
    ("verify, both skips", Code.BOTH_SKIPS, verifying(RED, skip_verify=True, skip_db_search=True)),
    ("verify, no skip", Code.SKIP_NOT_ALLOWED, changed(verifying(skip_liveness=True), allow_skip_liveness="false")),
    ("verify, unknown upload", Code.UPLOAD_GONE, lambda world: lambda: world.verify("ID-1-0")),
    ("verify, bad ID", Code.ID_NOT_MATCHED, changed(verifying(RED), id_regex="NEW")),
    ("verify, files gone", Code.NO_IMAGES, unreadable(Code.NO_IMAGES, enrolled=False)),
    ("verify, a file gone", Code.IMAGE_MISSING, unreadable(Code.IMAGE_MISSING, enrolled=False)),
    ("verify, a file damaged", Code.IMAGE_MISSING, damaged),
    ("verify, nobody", Code.NO_FACE, lambda world: verifying(BLACK)(empty(world))),
    ("verify, no liveness", Code.NO_LIVENESS, without_liveness(verifying(RED))),
    ("verify, no liveness, skipped", Code.VERIFIED, without_liveness(verifying(RED, skip_liveness=True))),
    ("verify, spoof", Code.ALL_SPOOF, verifying(RED, RED, state=SPOOF)),
    ("verify, uncertain", Code.NONE_LIVE, verifying(RED, state=UNCERTAIN)),
    ("verify, used before", Code.USED_BEFORE, used_elsewhere),
    ("verify, used before, warn", Code.VERIFIED, changed(used_elsewhere, replay_policy="warn")),
    ("verify, used before, off", Code.VERIFIED, changed(used_elsewhere, replay_policy="off")),
    ("verify, no challenge", Code.CHALLENGE_MISSING, changed(verifying(RED), require_challenge=True)),
    ("verify, no turn", Code.CHALLENGE_FAILED, standing_still),
    ("verify, not enrolled", Code.NO_ROW, verifying(RED, known=BEN)),
    ("verify, no folder", Code.NO_FOLDER, without_folder),
    ("verify, no database", Code.DB_DOWN, with_fault("people", Code.DB_DOWN, verifying(RED))),
    ("verify, no database for replays", Code.DB_DOWN, with_fault("replays", Code.DB_DOWN, verifying(RED))),
    ("compare", Code.SAME_PERSON, comparing(RED, DARK_RED)),
    ("compare, others", Code.NOT_SAME_PERSON, comparing(RED, BLUE)),
    ("compare, nothing", Code.NO_FILES, comparing(RED)),
    ("compare, nobody", Code.NO_FACE, comparing(RED, BLACK)),
    ("search", Code.DONE, lambda world: lambda: search(SearchRequest(sent(RED)), world.services)),
    ("search, nobody", Code.NO_FACE, lambda world: lambda: search(SearchRequest(sent(BLACK)), world.services)),
    ("person, taken", Code.CONFLICT, lambda world: lambda: facenet.create_person(known(world), "A", world.services)),
    ("page, beyond", Code.NO_ROUTE, lambda world: lambda: facenet.page_of_people(2, 9, world.services)),
    ("the only face", Code.VALUE_REFUSED, only_face),
    ("no such face of the same person", Code.NO_ROW, lambda world: lambda: move_face(ANN, "", ANN, world.services)),
    ("faces", Code.DONE, lambda world: lambda: faces_of(sent(RED), world.services, embeddings=True)),
    ("verify, no vectors", Code.VECTORS_DOWN, with_fault("gallery", Code.VECTORS_DOWN, verifying(RED))),
]  # fmt: skip
INSIDE_RESULTS = {Code.ID_MATCHED, Code.TOO_LARGE}
"""Named by flows and stages, but never a flow's end."""


def empty(world: World) -> World:
    """Return a world whose uploads hold photos in which nobody was found."""
    stored, world.stored = world.stored, lambda *_, **named: stored(stored_photo(BLACK, faces=0), **named)  # type: ignore[method-assign]
    return world


@pytest.mark.parametrize(("code", "arrange"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_flow_ends_with(code: Code, arrange: Arrange) -> None:
    assert code_of(arrange(World())) is code


def test_every_code_that_a_flow_or_a_stage_names_is_among_them() -> None:
    pipeline = Path(__file__).resolve().parents[2] / "pipeline"
    named = {
        Code[node.attr]
        for file in [*(pipeline / "flows").rglob("*.py"), *(pipeline / "stages").rglob("*.py")]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    }
    assert named - INSIDE_RESULTS - {code for _, code, _ in CASES} == set()
