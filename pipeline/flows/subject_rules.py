"""What holds for people who are known by their names alone: their IDs, their liveness policy, their faces' ids."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from codes_dict import Code, Refusal
from pipeline.flows.policy import changed
from pipeline.flows.services import Services
from pipeline.ports import EnrolledFace
from pipeline.stages.identity import is_subject, shown_name
from pipeline.types import Detection, Detector, Face, Liveness, LivenessAbout, LivenessJudge, LivenessVerdict, Pixels

_PATTERN = "cf-[0-9a-f]{16}"
_FACE_ID = re.compile(r"([0-9a-f]{32})_([0-9]{2,3})", re.ASCII)
MOST_NUMBERED = 100
"""Faces of one enrolment, such as an import, whose ids are UUIDs."""


@dataclass(frozen=True)
class _SureDetector:
    """Leaves out faces that the detector is less sure of."""

    detector: Detector
    least: float

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return the faces of each photo that are sure enough, largest first."""
        return [[face for face in faces if face.confidence >= self.least] for faces in self.detector.detect(photos)]


@dataclass(frozen=True)
class _LenientJudge:
    """Judges where that is possible; else every face is uncertain. For `warn` alone, which refuses nothing."""

    judging: Callable[[], LivenessJudge]

    @property
    def about(self) -> LivenessAbout:
        """Which engines judge, none where they are missing."""
        try:
            return self.judging().about
        except Refusal:
            return LivenessAbout(())

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Return one verdict per face."""
        try:
            return self.judging().judge(faces)
        except Refusal as refusal:
            if refusal.code is not Code.NO_LIVENESS:
                raise
            return [LivenessVerdict(Liveness.UNCERTAIN, 0.5, 0.5, reason="liveness could not be judged")] * len(faces)


def for_subjects(services: Services, least_confidence: float = 0.0, liveness: str = "") -> Services:
    """Return services under which subjects are enrolled and recognised.

    Their IDs are accepted and ID_REGEX is not; `liveness`, by default LIVENESS_FOR_COMPREFACE, stands for
    ENROL_LIVENESS; and faces that the detector is less sure of than `least_confidence`, 0 to 1, are not there.
    """
    action = liveness or services.policy.liveness_for_compreface
    policy = changed(services.policy, id_regex=_PATTERN, enrol_liveness=action)
    detector: Detector = _SureDetector(services.detector, least_confidence) if least_confidence else services.detector
    judge = services.judge
    return replace(
        services, policy=policy, detector=detector, judge=(lambda: _LenientJudge(judge)) if action == "warn" else judge
    )


def image_id_of(face_id: str) -> str:
    """Return a face's id as a UUID: its enrolment's, with the face's number in it where there are several.

    Faces beyond `MOST_NUMBERED`, and those with an id of another form, keep their id.
    """
    found = _FACE_ID.fullmatch(face_id)
    number = int(found[2]) if found else 0
    if found is None or not 1 <= number <= MOST_NUMBERED:
        return face_id
    return str(UUID(int=int(found[1], 16) ^ (number - 1)))


def subject_face(image_id: str, services: Services) -> EnrolledFace:
    """Return a subject's face by its image id. Refuses with NO_ROW."""
    found = (services.faces.find(face_id) for face_id in _face_ids(image_id))
    face = next((one for one in found if one is not None), None)
    if face is None or not is_subject(face.person_id):
        raise Refusal(Code.NO_ROW, advice="There is no image with this id.", field="image_id")
    return face


def _face_ids(image_id: str) -> Iterator[str]:
    """Yield the ids that a face with this image id may have: most often the first."""
    try:
        number = UUID(image_id).int
    except ValueError:
        yield image_id
        return
    for at in range(MOST_NUMBERED):
        yield f"{number ^ at:032x}_{at + 1:02}"


def subject_name(person_id: str, services: Services) -> str:
    """Return a subject's name, empty where there is no such person any more."""
    person = services.people.find(person_id)
    return shown_name(person) if person else ""
