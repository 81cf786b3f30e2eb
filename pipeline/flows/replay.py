"""Photos that were used before do not count again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codes_dict import Code, Refusal
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.ports import PhotoMark, Upload
from pipeline.stages.replay import mark_of
from pipeline.types import Face, Photo

Marks = Mapping[str, PhotoMark]
"""Photos' names in the upload to their marks."""


def marks_of(photos: Sequence[Photo], services: Services) -> dict[str, PhotoMark]:
    """Return the photos' marks; none where nobody looks at them."""
    return {} if services.policy.replay_policy == "off" else {photo.name: mark_of(photo) for photo in photos}


def not_used_before(upload: Upload, faces: list[Face], marks: Marks, services: Services, ledger: Ledger) -> list[Face]:
    """Drop the faces of photos that another upload used before, or only note them where REPLAY_POLICY is `warn`.

    Refuses with USED_BEFORE where none is left.
    """
    if services.policy.replay_policy == "off":
        return faces
    names = list(dict.fromkeys(face.photo.name for face in faces))
    with ledger.stage("replay", len(names)) as row:
        used = services.replays.claim(upload.upload_id, [marks[name] for name in names])
        for name, is_used in zip(names, used, strict=True):
            row.note(image=name, used_before=is_used)
        dropped = {name for name, is_used in zip(names, used, strict=True) if is_used}
        if services.policy.replay_policy == "warn":
            dropped = set()
        row.went_out = len(names) - len(dropped)
        kept = [face for face in faces if face.photo.name not in dropped]
        if not kept:
            raise Refusal(Code.USED_BEFORE)
    return kept
