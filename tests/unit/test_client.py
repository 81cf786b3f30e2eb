"""`faceapp_client`: typed results, retries that obey the server, exceptions with code, message and advice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from faceapp_client import Client, JobLostError, RefusedError, Retries, SearchResult, UnreachableError
from tests.flows.world import ANN, BEN, BLUE, DARK_RED, GREEN, RED, World, photo_file
from tests.http.world_server import URL, transport_to
from tools.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(URL, transport=transport_to(world)) as made:
        yield made


def test_a_person_is_enrolled_verified_and_forgotten_in_one_call_each(client: Client, tmp_path: Path) -> None:
    (tmp_path / "ann.png").write_bytes(photo_file(RED))
    enrolled = client.enrol_photos(ANN, tmp_path / "ann.png", str(tmp_path / "ann.png"), name="Ann van Dyck")
    assert (enrolled.code, enrolled.left_out, enrolled.request_id != "") == (800, {}, True)
    verdict = client.verify_photo(ANN, ("now.png", photo_file(DARK_RED)))
    assert (verdict.code, verdict.accepted, verdict.name) == (200, True, "Ann van Dyck")
    assert "compare" in [row["name"] for row in verdict.stages]
    assert client.forget(ANN).receipt["person"] == f"not {ANN}"
    with pytest.raises(RefusedError) as gone:
        client.forget(ANN)
    assert (gone.value.code, gone.value.status) == (116, 404)


def test_the_three_steps(client: Client) -> None:
    upload = client.upload(ANN, photo_file(RED))
    assert (upload.code, upload.saved, upload.rejected, upload.errors) == (119, ["photo_1.jpg"], [], [])
    assert client.enrol(upload.upload_id, "Ann van Dyck").code == 800
    assert client.verify(client.upload(ANN, photo_file(DARK_RED)).upload_id).accepted


def test_a_person_who_is_not_accepted_is_a_result_with_advice(client: Client, world: World) -> None:
    world.known(ANN, RED)
    verdict = client.verify_photo(ANN, photo_file(BLUE), skip_liveness=True)
    assert (verdict.code, verdict.accepted, verdict.name, bool(verdict.advice)) == (500, False, None, True)


def test_photos_are_compared_one_by_one_or_in_sets(client: Client) -> None:
    assert client.compare(photo_file(RED), photo_file(DARK_RED)).code == 210
    apart = client.compare([photo_file(RED)], [("a.png", photo_file(BLUE)), photo_file(BLUE)])
    assert (apart.code, apart.accepted) == (510, False)


def test_people_are_found_now_or_later(client: Client, world: World) -> None:
    world.known(ANN, RED)
    world.known(BEN, BLUE)
    found = client.search(photo_file(DARK_RED), limit=1)
    assert [[one.id for one in face.candidates if one.accepted] for face in found.faces] == [[ANN]]
    job = client.search_later(photo_file(DARK_RED), photo_file(GREEN))
    later = SearchResult.of(client.wait(job, every_s=0.01))
    assert [face.file for face in later.faces] == ["photo_1.jpg", "photo_2.jpg"]
    assert later.people == 2


def test_a_job_that_was_refused_or_lost_is_an_exception(client: Client) -> None:
    with pytest.raises(RefusedError) as refused:
        client.wait(client.search_later(photo_file((0, 0, 0))), every_s=0.01)
    assert refused.value.code == 630
    with pytest.raises(JobLostError):
        client.wait(f"00000000-{'0' * 32}")


def test_everybody_is_listed_page_after_page(client: Client, world: World) -> None:
    for number in range(150):
        world.known(f"ID-{number:03}", RED)
    assert [one.id for one in client.people()] == [f"ID-{number:03}" for number in range(150)]
    assert client.people_page(limit=2).next == "ID-001"


def test_faces_are_found_and_embedded(client: Client) -> None:
    (photo,) = client.detect(("one.png", photo_file(RED))).photos
    assert (photo.file, len(photo.faces), "embeddings" in photo.faces[0]) == ("one.png", 1, False)
    (photo,) = client.embed(photo_file(RED)).photos
    assert len(photo.faces[0]["embeddings"]["Colour"]["vector"]) == 3


def test_a_mistake_has_code_message_advice_and_field(client: Client) -> None:
    with pytest.raises(RefusedError) as wrong:
        client.upload("nobody", photo_file(RED))
    assert (wrong.value.code, wrong.value.status, wrong.value.retry) == (127, 400, False)
    assert wrong.value.message in str(wrong.value)
    assert wrong.value.advice in str(wrong.value)
    with pytest.raises(RefusedError) as wrong:
        client.search(photo_file(RED), limit=99)
    assert (wrong.value.code, wrong.value.field) == (422, "limit")


def test_codes_and_health(client: Client) -> None:
    assert client.code(630)["name"] == "NO_FACE"
    assert {630, 119} <= {one["number"] for one in client.codes()}
    assert client.ready().results["ready"] is True


def envelope(code: int, status: int, wait: str = "", *, retry: bool = False, **results: object) -> httpx.Response:
    body = {"code": code, "message": "?", "results": {"advice": "!", "retry": retry, **results}, "system_errors": None}
    return httpx.Response(status, json=body, headers={"Retry-After": wait} if wait else {})


DONE = httpx.Response(200, json={"code": 101, "message": "Done.", "results": {"ready": True}, "system_errors": None})


def asking(*replies: httpx.Response | Exception, **limits: float) -> tuple[Client, list[float], list[str]]:
    """Return a client that gets these replies in turn, the seconds that it waits, and the methods that it sends."""
    waited: list[float] = []
    sent: list[str] = []
    coming = iter(replies)

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        reply = next(coming)
        if isinstance(reply, Exception):
            raise reply
        return reply

    retries = Retries(**{"most": 3, **limits}, sleep=waited.append)  # type: ignore[arg-type]
    return Client(URL, transport=httpx.MockTransport(answer), retries=retries), waited, sent


def test_what_can_succeed_later_is_sent_again_when_the_server_says() -> None:
    client, waited, _ = asking(envelope(503, 503, "2", retry=True), envelope(429, 429, "7", retry=True), DONE)
    assert client.ready().code == 101
    assert waited == [2.0, 7.0]


def test_without_a_time_the_waits_double_and_end() -> None:
    client, waited, _ = asking(*[envelope(155, 503, retry=True)] * 9)
    with pytest.raises(RefusedError) as gave_up:
        client.verify("x")
    assert (gave_up.value.code, gave_up.value.retry, waited) == (155, True, [0.5, 1.0, 2.0])


def test_a_time_that_is_too_long_is_told_and_not_waited() -> None:
    client, waited, _ = asking(envelope(429, 429, "86400", retry=True))
    with pytest.raises(RefusedError) as refused:
        client.verify("x")
    assert (refused.value.retry_after, waited) == (86400.0, [])


@pytest.mark.parametrize("reply", [envelope(159, 503), envelope(404, 404, retry=True), envelope(599, 500, retry=True)])
def test_what_cannot_succeed_or_may_have_been_done_is_not_sent_again(reply: httpx.Response) -> None:
    client, waited, sent = asking(reply)
    with pytest.raises(RefusedError):
        client.verify("x")
    assert (waited, len(sent)) == ([], 1)


def lost(kind: type[httpx.HTTPError]) -> Callable[[], httpx.HTTPError]:
    return lambda: kind("gone")


@pytest.mark.parametrize(
    ("fault", "call", "times"),
    [
        (lost(httpx.ConnectError), Client.ready, 4),
        (lost(httpx.ConnectError), lambda client: client.verify("x"), 4),
        (lost(httpx.ReadTimeout), Client.ready, 4),
        (lost(httpx.ReadTimeout), lambda client: client.verify("x"), 1),
    ],
)
def test_a_request_that_may_have_arrived_is_sent_again_only_where_it_changes_nothing(
    fault: Callable[[], httpx.HTTPError], call: Callable[[Client], object], times: int
) -> None:
    client, _, sent = asking(*[fault() for _ in range(9)])
    with pytest.raises(UnreachableError) as unreachable:
        call(client)
    assert len(sent) == times
    assert (unreachable.value.code, unreachable.value.retry, bool(unreachable.value.advice)) == (None, True, True)


@pytest.mark.parametrize("reply", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])])
def test_another_server_is_told_from_a_faceapp_server(reply: httpx.Response) -> None:
    client, _, _ = asking(reply)
    with pytest.raises(UnreachableError, match="not as a faceapp server"):
        client.ready()


@pytest.mark.parametrize(
    ("url", "key"),
    [("127.0.0.1:8001", None), ("ftp://x", None), ("http://", None), ("http://x:abc", None), (URL, "é"), (URL, "a\nb")],
)
def test_what_is_no_address_or_no_key_is_a_sentence(
    url: str, key: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Client(url, key)
    monkeypatch.setenv("FACEAPP_KEY", key or "")
    assert cli.main(["health", "--url", url]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_key_is_sent_in_its_header() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["X-API-Key"])
        return DONE

    Client(URL, "secret", transport=httpx.MockTransport(answer)).ready()
    assert seen == ["secret"]


def imported_by(code: str) -> Sequence[str]:
    program = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_client_brings_nothing_of_the_server() -> None:
    loaded = set(imported_by("import faceapp_client"))
    assert loaded & {"api", "codes_dict", "flask", "numpy", "pipeline", "pydantic"} == set()
