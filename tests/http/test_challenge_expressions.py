"""Smiles and blinks over HTTP, where the settings ask for them: real frames of a clip in which one man does both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import pytest

from bootstrap.models import LoadedModels
from pipeline.types import Liveness
from tests.http.liveness_models import judging
from tests.http.site import Site, code, encoded, results
from tests.http.test_challenge import asked, send, verdict

pytestmark = pytest.mark.models

CALM = (202, 12, 200)
DOING: Mapping[str, tuple[int, ...]] = {"smile": (108, 109, 110), "blink": (197, 198, 197), "turn_left": (30, 33, 36)}
"""Frames of the clip, as a person sees them."""


@pytest.fixture(scope="module")
def frames(shared_data: Path) -> Mapping[int, bytes]:
    """Return the clip's frames that are sent here."""
    capture = cv2.VideoCapture(str(shared_data / "data/video/Apfol_real2.webm"))
    wanted = {*CALM, *(number for numbers in DOING.values() for number in numbers)}
    found: dict[int, bytes] = {}
    number = 0
    while (read := capture.read())[0]:
        if number in wanted:
            found[number] = encoded(read[1], ".png")
        number += 1
    capture.release()
    return found


@pytest.fixture
def make_site(tmp_path: Path, models: LoadedModels, frames: Mapping[int, bytes]) -> Iterator[Callable[[str], Site]]:
    """Return a maker of a server that asks for given actions, where he is enrolled and everybody is live."""
    sites: list[Site] = []

    def make(actions: str) -> Site:
        settings = {"CHALLENGE_ACTIONS": actions, "REQUIRE_CHALLENGE": "true", "VER_TOL": "1"}
        sites.append(Site(tmp_path, models, judging(lambda face: Liveness.LIVE), **settings))
        sites[-1].enrolled(frames[12])
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def answer(frames: Mapping[int, bytes], actions: Sequence[str]) -> list[bytes]:
    """Return frames that do what is asked, with a calm face before every action."""
    shown = [number for at, action in enumerate(actions) for number in (CALM[at % 3], DOING[action][at % 3])]
    return [frames[number] for number in shown]


@pytest.mark.parametrize("actions", ["smile,blink", "turn_left,smile", "blink,turn_left"])
def test_whoever_smiles_and_blinks_as_asked_is_verified(
    make_site: Callable[[str], Site], frames: Mapping[int, bytes], actions: str
) -> None:
    site = make_site(actions)
    nonce, wanted = asked(site)
    assert set(wanted) <= set(actions.split(","))
    assert verdict(site, send(site, nonce, answer(frames, wanted))) == 200


def test_574_another_action_than_the_one_that_was_asked_for(
    make_site: Callable[[str], Site], frames: Mapping[int, bytes]
) -> None:
    site = make_site("smile,blink")
    nonce, wanted = asked(site)
    others = [{"smile": "blink", "blink": "smile"}[action] for action in wanted]
    assert verdict(site, send(site, nonce, answer(frames, others))) == 574


def test_574_a_calm_face_all_along(make_site: Callable[[str], Site], frames: Mapping[int, bytes]) -> None:
    site = make_site("smile,blink")
    nonce, _ = asked(site)
    assert verdict(site, send(site, nonce, [frames[number] for number in CALM] * 2)) == 574


def test_a_blink_that_nobody_asked_for_does_not_matter_and_frames_with_closed_eyes_are_not_compared(
    make_site: Callable[[str], Site], frames: Mapping[int, bytes]
) -> None:
    site = make_site("blink,smile")
    nonce, wanted = next(given for given in (asked(site) for _ in range(60)) if "blink" in given[1])
    photos = [*answer(frames, wanted), frames[200], frames[198]]
    upload = send(site, nonce, photos)
    reply = site.verify(results(upload)["upload_id"], skip_liveness="false")
    assert code(reply) == 200
    rows = {row["name"]: row for row in results(reply)["stages"]}
    poses = {item["image"]: item["pose"] for item in rows["challenge"]["items"] if "image" in item}
    assert poses["frame 7.png"] == "blink"
    assert {poses[item["image"]] for item in rows["compare"]["items"]} == {"straight"}


def test_without_liveness_the_eyes_are_looked_at_all_the_same(
    make_site: Callable[[str], Site], frames: Mapping[int, bytes]
) -> None:
    site = make_site("blink,smile")
    nonce, wanted = asked(site)
    good = results(send(site, nonce, answer(frames, wanted)))["upload_id"]
    assert code(site.verify(good)) == 200
    nonce, _ = asked(site)
    calm = results(send(site, nonce, [frames[number] for number in CALM] * 2))["upload_id"]
    assert code(site.verify(calm)) == 574


def test_176_a_single_action_is_no_list_to_draw_from(make_site: Callable[[str], Site]) -> None:
    site = make_site("blink,smile")
    site.edit(CHALLENGE_ACTIONS="smile")
    reply = site.client.post("/liveness/challenge", data={"id": "RECO_ID_000023"})
    assert code(reply) == 176
    (line,) = reply.get_json()["system_errors"]["env_errs"]
    assert line.startswith("CHALLENGE_ACTIONS: contains fewer than 2 names, accepted: two or more of turn_left")
