"""Quality of a photo for face recognition, 0 to 10, with the components that it is made of and what to do better.

`assess` measures the subject. Some components cap the score, 7 at their thresholds: what fails one cannot pass the
default SCORE_TOL. The others are weighed into a utility, the estimated probability that a comparison of this
photo with another one of the same person succeeds. Limits and weights are fitted; docs/quality.md shows how and what.
"""

import math
from collections.abc import Mapping, Sequence

from pipeline.stages.quality.advice import FINE, NO_FACE, SECOND_PERSON, advice_for
from pipeline.stages.quality.components import of_look, of_pixels
from pipeline.stages.quality.looks import FaceLook, look
from pipeline.stages.quality.score import Fitted, shipped
from pipeline.stages.subject import People, people_of, shown_box
from pipeline.types import Check, Face, Photo, Quality

__all__ = ["FaceLook", "assess", "judge", "look", "measure", "score_of"]

MOST_IN_COMPANY = 3.0
"""The highest score of a photo that shows a second person: enrolment would leave it out."""

_ANGLES = frozenset({"HeadPoseYaw", "HeadPosePitch", "HeadPoseRoll"})


def assess(photo: Photo, faces: Sequence[Face], look: FaceLook | None, minimum: float) -> Quality:
    """Judge a photo by its subject, the largest face; without a face the score is 0.000.

    `faces` are the photo's, largest first; `look` is what the recognition models say of the first one, None where
    there are none; `minimum` is the operator's SCORE_TOL, the threshold of the check `UnifiedQualityScore`. A second
    person who counts limits the score to `MOST_IN_COMPANY`; see `subject`.
    """
    return judge(measure(photo, faces), faces, look, minimum)


def measure(photo: Photo, faces: Sequence[Face]) -> dict[str, float]:
    """Return the first of `assess`'s two steps, which needs no model: the components of the largest face's pixels."""
    return of_pixels(photo.pixels, faces[0]) if faces else {}


def judge(pixels: Mapping[str, float], faces: Sequence[Face], look: FaceLook | None, minimum: float) -> Quality:
    """Return the second of `assess`'s two steps: the score of measured pixels and of what the models say."""
    if not faces:
        return Quality(0.0, (Check("OnePerson", 0.0, 1.0, False, NO_FACE),))
    measured = {**pixels, **of_look(look)}
    people = people_of([face.detection for face in faces])
    score = score_of(measured, people.count, shipped())
    good = score >= minimum
    advice = FINE if good else advice_for("UnifiedQualityScore", score, minimum)
    total = Check("UnifiedQualityScore", score, minimum, good, advice)
    return Quality(score, (total, _one_person(faces[0].photo, people), *_checks(measured, shipped())))


def score_of(measured: Mapping[str, float], people: int, fitted: Fitted) -> float:
    """Return the score, 0.000 to 10.000, of measured components; cut to three decimals, so that 7 means passed."""
    caps = [limit.cap(_size(name, measured[name])) for name, limit in fitted.limits.items() if name in measured]
    score = min([fitted.utility(measured).score(measured), *caps])
    if people > 1:
        score = min(score, MOST_IN_COMPANY)
    return math.floor(score * 1000) / 1000


def _one_person(photo: Photo, people: People) -> Check:
    """Return whether the subject is alone, and the box of the largest of the others."""
    if not people.others:
        return Check("OnePerson", 1.0, 1.0, True, FINE)
    return Check("OnePerson", float(people.count), 1.0, False, SECOND_PERSON, shown_box(photo, people.others[0].box))


def _checks(measured: Mapping[str, float], fitted: Fitted) -> list[Check]:
    """Return one row for each component that has a limit, and for each that only has a part in the utility."""
    rows = []
    for name, limit in fitted.limits.items():
        if name in measured:
            value = measured[name]
            passed = limit.passes(_size(name, value))
            advice = FINE if passed else advice_for(name, value, limit.threshold)
            rows.append(Check(name, round(_size(name, value), 3), limit.threshold, passed, advice))
    utility = fitted.utility(measured)
    for name, term in utility.terms.items():
        if name not in fitted.limits and (term.weight or term.tail):
            threshold = utility.threshold(name)
            passed = threshold is None or measured[name] >= threshold
            advice = FINE if passed else advice_for(name, measured[name], threshold or 0.0)
            shown = None if threshold is None else round(threshold, 4)
            rows.append(Check(name, round(measured[name], 4), shown, passed, advice))
    return rows


def _size(name: str, value: float) -> float:
    """Return the value that a limit judges: of angles, how far they are from zero."""
    return abs(value) if name in _ANGLES else value
