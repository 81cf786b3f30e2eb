"""What enrolment does with photos that are not live, by ENROL_LIVENESS."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from codes_dict import Code, Refusal
from pipeline.types import Face, Liveness
from tests.http.liveness_models import BrokenJudge, judging, keeper_of
from tests.http.site import OTHER_ID, Site, code, results, variant

pytestmark = pytest.mark.models

STATES: Mapping[str, Liveness] = {"S": Liveness.SPOOF, "L": Liveness.LIVE, "U": Liveness.UNCERTAIN}
VARIANTS = ((0.9, 9, 4.0), (1.0, -12, -5.0), (0.8, 15, 2.0))


@pytest.fixture
def judged(served: Callable[..., Site], astronaut: bytes) -> Callable[[str], tuple[Site, str]]:
    """Return a maker of a server and an upload of photos of which each is in the state that its letter says."""

    def make(states: str) -> tuple[Site, str]:
        def state_of(face: Face) -> Liveness:
            return STATES[states[int(face.photo.name.removeprefix("photo ")[0])]]

        site = served(judging(state_of))
        site.edit(ENROL_LIVENESS=None)
        photos = [variant(astronaut, *change) for change in VARIANTS[: len(states)]]
        return site, site.uploaded(*photos, person_id=OTHER_ID)

    return make


@pytest.mark.parametrize(
    ("states", "number", "left_out", "spoof"),
    [
        ("LLL", 800, {}, 0),
        ("SLL", 800, {"photo 0.jpg": 560}, 1),
        ("ULL", 800, {"photo 0.jpg": 561}, 0),
        ("SL", 560, {"photo 0.jpg": 560}, 1),
        ("SU", 560, {"photo 0.jpg": 560, "photo 1.jpg": 561}, 1),
        ("UU", 561, {"photo 0.jpg": 561, "photo 1.jpg": 561}, 0),
    ],
)
def test_by_default_what_is_not_live_is_not_enrolled(
    judged: Callable[[str], tuple[Site, str]], states: str, number: int, left_out: dict[str, int], spoof: int
) -> None:
    site, upload_id = judged(states)
    reply = site.enrol(upload_id)
    assert code(reply) == number
    assert results(reply)["left_out"] == left_out
    assert results(reply)["spoof_photos"] == spoof
    assert len(results(reply)["resulting_imgs"]["main"]) == (len(states) - len(left_out) if number == 800 else 0)


def test_warn_enrols_documents_and_says_what_is_not_live(judged: Callable[[str], tuple[Site, str]]) -> None:
    site, upload_id = judged("SL")
    site.edit(ENROL_LIVENESS="warn")
    reply = site.enrol(upload_id)
    assert code(reply) == 800
    (warning,) = results(reply)["warnings"]
    assert warning.startswith("photo 0.jpg is enrolled though it is not live")
    assert len(results(reply)["resulting_imgs"]["main"]) == 2


def no_engine(faces: object) -> list[object]:
    raise Refusal(Code.NO_LIVENESS, "none could be loaded")


@pytest.mark.parametrize(("policy", "number"), [(None, 178), ("warn", 178), ("off", 800)])
def test_without_an_engine_nobody_is_enrolled_unless_liveness_is_off(
    served: Callable[..., Site], astronaut: bytes, policy: str | None, number: int
) -> None:
    site = served(keeper_of(BrokenJudge(no_engine)))  # type: ignore[arg-type]
    site.edit(ENROL_LIVENESS=policy)
    assert code(site.enrol(site.uploaded(variant(astronaut), person_id=OTHER_ID))) == number
