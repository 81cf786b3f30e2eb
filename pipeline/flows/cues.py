"""What the photos of a request say together counts against the faces in them, never for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.ledger import Ledger
from pipeline.stages.motion import cues_between
from pipeline.types import Face, Liveness, LivenessVerdict

_FLAT = "the face moves like a flat picture: turn your head, not the camera"


def heed_cues(
    faces: Sequence[Face], verdicts: Sequence[LivenessVerdict], near_identical: int, ledger: Ledger
) -> list[LivenessVerdict]:
    """Return the verdicts with what the photos say together: a face that moves like a flat picture is uncertain.

    Looks at the largest face of each photo. `near_identical` photos equal or nearly equal another one of the request:
    that is noted and no more, for honest frames can be as alike.
    """
    main = largest_of_each(faces)
    if len(main) < 2:
        return list(verdicts)
    with ledger.stage("cues", len(main)) as row:
        cues = cues_between([face.detection.landmarks for face in main])
        row.note(
            photos=cues.photos,
            near_identical=near_identical,
            change=round(cues.change, 4),
            parallax=round(cues.parallax, 4),
            flat=cues.flat,
        )
        row.went_out = 0 if cues.flat else len(main)
        if cues.flat:
            row.advice = _FLAT
    doubted = set(main) if cues.flat else set()
    return [_doubted(one) if face in doubted else one for face, one in zip(faces, verdicts, strict=True)]


def largest_of_each(faces: Sequence[Face]) -> list[Face]:
    """Return the largest face of each photo, in the photos' order."""
    largest: dict[str, Face] = {}
    for face in faces:
        known = largest.get(face.photo.name)
        if known is None or face.detection.box.area > known.detection.box.area:
            largest[face.photo.name] = face
    return list(largest.values())


def _doubted(verdict: LivenessVerdict) -> LivenessVerdict:
    if verdict.state is not Liveness.LIVE:
        return verdict
    return replace(verdict, state=Liveness.UNCERTAIN, reason=_FLAT)
