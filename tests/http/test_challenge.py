"""Active liveness over HTTP: a challenge, its answer with an upload, and every way to get it wrong."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from bootstrap.models import LoadedModels
from db.challenges import Challenges
from pipeline.types import Face, Liveness
from tests.http.liveness_models import judging
from tests.http.site import ID, OTHER_ID, Site, blank, code, encoded, results, variant

pytestmark = pytest.mark.models

STRAIGHT, TO_HER_RIGHT, TO_HER_LEFT = (9, 18, 19, 10), (1, 3, 5), (11, 13, 15)
"""Frames of the clip, as a person sees them: she looks ahead, to the left of the image, to the right of it."""


@pytest.fixture(scope="module")
def frames(shared_data: Path) -> Mapping[int, bytes]:
    """Return frames of a clip in which one woman turns her head, twice as large as they came."""
    capture = cv2.VideoCapture(str(shared_data / "data/video/intel_head-pose-female.gif"))
    found: dict[int, bytes] = {}
    while (read := capture.read())[0]:
        found[len(found)] = encoded(cv2.resize(read[1], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), ".png")
    capture.release()
    return found


@pytest.fixture
def make_active_site(
    tmp_path: Path, models: LoadedModels, frames: Mapping[int, bytes]
) -> Iterator[Callable[..., Site]]:
    """Return a maker of servers that insist on a challenge; liveness decides as it is told; she is enrolled."""
    sites: list[Site] = []

    def make(state_of: Callable[[Face], Liveness] = lambda face: Liveness.LIVE, **changes: str) -> Site:
        settings = {"REQUIRE_CHALLENGE": "true", "VER_TOL": "1", "ALLOW_SKIP_LIVENESS": "false", **changes}
        sites.append(Site(tmp_path, models, judging(state_of), **settings))
        sites[-1].enrolled(frames[19])
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def active_site(make_active_site: Callable[..., Site]) -> Site:
    """Return a server that finds everybody live."""
    return make_active_site()


def asked(site: Site, person_id: str = ID) -> tuple[str, list[str]]:
    """Ask for a challenge; return its nonce and actions."""
    reply = site.client.post("/liveness/challenge", data={"id": person_id})
    assert code(reply) == 101
    return str(results(reply)["challenge"]), list(results(reply)["actions"])


def answer(frames: Mapping[int, bytes], actions: Sequence[str]) -> list[bytes]:
    """Return frames that do what is asked, straight ahead before every turn."""
    shown: list[int] = []
    for number, action in enumerate(actions):
        turns = TO_HER_LEFT if action == "turn_left" else TO_HER_RIGHT
        shown += [STRAIGHT[number % 3], turns[number % 3]]
    return [frames[number] for number in shown]


def send(site: Site, nonce: str, photos: Sequence[bytes], person_id: str = ID) -> TestResponse:
    """Upload the answer of a challenge."""
    data: MultiDict[str, Any] = MultiDict()
    for number, photo in enumerate(photos):
        data.add("files", (io.BytesIO(photo), f"frame {number}.png"))
    return site.client.post("/upload_imgs", query_string={"id": person_id, "challenge": nonce}, data=data)


def verdict(site: Site, upload: TestResponse) -> int:
    """Verify an upload with liveness and return the code."""
    assert code(upload) == 119, results(upload)
    return code(site.verify(results(upload)["upload_id"], skip_liveness="false"))


def test_whoever_does_what_is_asked_is_verified(active_site: Site, frames: Mapping[int, bytes]) -> None:
    for _ in range(3):
        nonce, actions = asked(active_site)
        assert verdict(active_site, send(active_site, nonce, answer(frames, actions))) == 200


def test_a_challenge_says_what_to_do_and_until_when(active_site: Site) -> None:
    reply = active_site.client.post("/liveness/challenge", data={"id": ID})
    body = reply.get_json()
    assert set(body) == {"code", "message", "results", "system_errors"}
    assert (body["code"], body["results"]["id"], body["results"]["expires_in_s"]) == (101, ID, 180)
    assert len(body["results"]["actions"]) == 3
    assert set(body["results"]["actions"]) <= {"turn_left", "turn_right"}


@pytest.mark.parametrize(
    ("form", "number"),
    [({}, 107), ({"other": "x"}, 110), ({"id": ""}, 110), ({"id": [ID, ID]}, 110), ({"id": "../x"}, 127)],
)
def test_a_challenge_is_for_one_valid_id(active_site: Site, form: dict[str, Any], number: int) -> None:
    assert code(active_site.client.post("/liveness/challenge", data=MultiDict(form))) == number


def test_570_an_upload_without_a_challenge_where_one_is_required(
    active_site: Site, frames: Mapping[int, bytes]
) -> None:
    upload_id = active_site.uploaded(frames[9])
    assert code(active_site.verify(upload_id, skip_liveness="false")) == 570
    active_site.edit(ALLOW_SKIP_LIVENESS="true")
    assert code(active_site.verify(upload_id, skip_liveness="true")) == 570
    active_site.edit(REQUIRE_CHALLENGE="false")
    assert code(active_site.verify(upload_id, skip_liveness="false")) == 200


def test_570_an_empty_challenge_or_two(active_site: Site, frames: Mapping[int, bytes]) -> None:
    nonce, actions = asked(active_site)
    assert code(send(active_site, "", answer(frames, actions))) == 570
    twice = f"/upload_imgs?id={ID}&challenge={nonce}&challenge={nonce}"
    photo = {"x": (io.BytesIO(frames[9]), "x.png")}
    assert code(active_site.client.post(twice, data=photo)) == 570
    assert list(active_site.uploads.glob(f"{ID}-{'[0-9a-f]' * 32}")) == []


def test_571_an_answer_that_comes_late(
    active_site: Site, frames: Mapping[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce, actions = asked(active_site)
    challenges = active_site.services().challenges
    assert isinstance(challenges, Challenges)
    now = challenges.clock()
    monkeypatch.setattr(challenges, "clock", lambda: now + 182)
    assert code(send(active_site, nonce, answer(frames, actions))) == 571


def test_572_a_challenge_takes_one_answer(active_site: Site, frames: Mapping[int, bytes]) -> None:
    nonce, actions = asked(active_site)
    first = send(active_site, nonce, answer(frames, actions))
    assert code(send(active_site, nonce, answer(frames, actions))) == 572
    assert verdict(active_site, first) == 200


def test_573_a_challenge_of_another_id_or_of_nobody(active_site: Site, frames: Mapping[int, bytes]) -> None:
    nonce, actions = asked(active_site, OTHER_ID)
    assert code(send(active_site, nonce, answer(frames, actions))) == 573
    assert code(send(active_site, "0" * 32, answer(frames, actions))) == 573
    assert code(send(active_site, nonce, answer(frames, actions), person_id=OTHER_ID)) == 119


def test_574_turns_that_were_not_asked_for(active_site: Site, frames: Mapping[int, bytes]) -> None:
    opposite = {"turn_left": "turn_right", "turn_right": "turn_left"}
    for change in (
        lambda actions: [opposite[one] for one in actions],
        lambda actions: [*actions[:2], opposite[actions[2]]],
        lambda actions: actions[:2],
        lambda actions: [*actions, actions[0]],
    ):
        nonce, actions = asked(active_site)
        upload = send(active_site, nonce, answer(frames, change(actions)))
        assert verdict(active_site, upload) == 574


def test_574_one_still_frame_however_often(active_site: Site, frames: Mapping[int, bytes]) -> None:
    nonce, _ = asked(active_site)
    assert verdict(active_site, send(active_site, nonce, [frames[9]] * 6)) == 574


def test_574_the_turns_are_somebody_else_s(active_site: Site, frames: Mapping[int, bytes], grace_hopper: bytes) -> None:
    active_site.enrolled(grace_hopper, person_id=OTHER_ID)
    victim = enlarged(variant(grace_hopper))
    nonce, actions = asked(active_site, OTHER_ID)
    shown = [victim if at % 2 == 0 else photo for at, photo in enumerate(answer(frames, actions))]
    assert verdict(active_site, send(active_site, nonce, shown, OTHER_ID)) == 574


def test_a_victim_s_photo_among_the_frames_of_who_turns_is_not_compared(
    active_site: Site, frames: Mapping[int, bytes], grace_hopper: bytes
) -> None:
    active_site.enrolled(grace_hopper, person_id=OTHER_ID)
    victim = enlarged(variant(grace_hopper))
    for place in (0, 3, 6):
        nonce, actions = asked(active_site, OTHER_ID)
        shown = answer(frames, actions)
        shown.insert(place, victim)
        upload = send(active_site, nonce, shown, OTHER_ID)
        assert verdict(active_site, upload) == 100
    active_site.edit(REQUIRE_CHALLENGE="false")
    assert code(active_site.verify(active_site.uploaded(victim, person_id=OTHER_ID), skip_liveness="false")) == 200


def enlarged(photo: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    return encoded(cv2.resize(np.asarray(pixels), None, fx=1.2, fy=1.2), ".png")


def test_574_turned_frames_that_are_not_live_do_not_count(
    make_active_site: Callable[..., Site], frames: Mapping[int, bytes]
) -> None:
    site = make_active_site(lambda face: Liveness.SPOOF if face.photo.name == "frame 3.png" else Liveness.LIVE)
    nonce, actions = asked(site)
    assert verdict(site, send(site, nonce, answer(frames, actions))) == 574


def test_a_challenge_that_is_not_required_is_judged_all_the_same(
    active_site: Site, frames: Mapping[int, bytes]
) -> None:
    active_site.edit(REQUIRE_CHALLENGE="false")
    nonce, _ = asked(active_site)
    assert verdict(active_site, send(active_site, nonce, [frames[9]])) == 574


def test_turned_frames_are_kept_for_the_challenge_and_compared_with_nobody(
    active_site: Site, frames: Mapping[int, bytes]
) -> None:
    nonce, actions = asked(active_site)
    taken = answer(frames, actions)
    least = sorted(results(active_site.upload(*taken))["scores"].values())[2] + 0.001
    active_site.edit(SCORE_TOL=f"{least:.3f}")
    upload = send(active_site, nonce, taken)
    scores = list(results(upload)["scores"].values())
    assert min(scores) < least <= max(scores)
    assert len(results(upload)["saved"]) == 6
    reply = active_site.verify(results(upload)["upload_id"], skip_liveness="false")
    assert code(reply) == 200
    rows = {row["name"]: row for row in results(reply)["stages"]}
    assert rows["challenge"]["items"][-1] == {"asked": actions}
    compared = {item["image"] for item in rows["compare"]["items"]}
    assert compared <= {"frame 0.png", "frame 2.png", "frame 4.png"}
    left_out = results(active_site.enrol(results(upload)["upload_id"]))["left_out"]
    turned = {name: 120 for name, score in results(upload)["scores"].items() if score < least}
    assert left_out == turned


def test_120_an_answer_needs_one_frame_that_is_good_enough(active_site: Site, frames: Mapping[int, bytes]) -> None:
    active_site.edit(SCORE_TOL="10")
    nonce, actions = asked(active_site)
    assert code(send(active_site, nonce, [*answer(frames, actions), blank()])) == 120
    assert code(send(active_site, nonce, answer(frames, actions))) == 572
