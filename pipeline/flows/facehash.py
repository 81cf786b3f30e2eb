"""FaceHash: is this the user, by the classifier of the caller's key; and learning a user's face."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import recorded
from pipeline.flows.photos import Seen, see
from pipeline.flows.services import Services, in_batches
from pipeline.ledger import Ledger
from pipeline.ports import UsersFaces
from pipeline.stages.compare import against_template
from pipeline.stages.guards import odd_ones_out
from pipeline.stages.identity import check_name
from pipeline.stages.liveness import keep_live
from pipeline.stages.sent_files import SentFile, named_apart
from pipeline.stages.sightings import Sighting, stacked
from pipeline.stages.subject import COUNTS, beside, only_subjects
from pipeline.types import EnrolledFaces, Floats

LEAST_IMAGES = 10
"""Images of a user that a training needs."""
LEAST_FACES = 5
"""Of these, so many have to show the user's face, alone."""
MOST_ODD = 1 / 3
"""The share of the faces that may be of somebody else; with more of them it is unclear who the user is."""
MOST_FACES, FIRST_FACES = 100, 20
"""Faces of a user that are kept: the first ones, and the newest of all others."""
RECOGNISED = 0.5
"""The chance from which on a face is the user: a training is calibrated so that strangers stay below."""

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a training learns: whose faces, as stacked raw embeddings (m, d) per model, and the photos left out."""

    user: str
    faces: Mapping[str, Floats]
    left_out: Mapping[str, int]


def recognise(home: str, username: str, photo: SentFile, services: Services, *, live: bool = False) -> Outcome:
    """Say whether a face that counts in the photo is the user, and with `live` a live one; `home` is the caller's.

    Refuses with NOT_VERIFIED, NO_FACE, with VALUE_REFUSED for an unknown user, with BAD_BASE64, with ALL_REJECTED for
    what is no photo, and as `keep_live` does.
    """
    return recorded("recognize", "", services, lambda: _recognised(home, user_name(username), photo, services, live))


def _recognised(home: str, user: str, photo: SentFile, services: Services, live: bool) -> Outcome:
    ledger = Ledger()
    seen = see([photo], services, ledger, live=live)
    if not seen.faces:
        code = Code.BAD_BASE64 if photo.data is None else Code.ALL_REJECTED
        raise Refusal(code, advice=seen.files[0].checks[0].advice, field="image")
    faces = next(iter(seen.faces.values()))
    if not faces:
        raise Refusal(Code.NO_FACE, field="image")
    faces = [face for face in faces if beside(face.detection.box, faces[0].detection.box) >= COUNTS]
    faces = keep_live(faces, ledger) if live else faces
    chances, seconds = zip(*(_chance(home, user, face, services) for face in faces), strict=True)
    if max(chances) <= RECOGNISED:
        raise Refusal(Code.NOT_VERIFIED)
    return Outcome(Code.DONE, {"detectionTime": round(sum(seconds), 6), "confidencePercentage": round(max(chances), 4)})


def _chance(home: str, user: str, face: Sighting, services: Services) -> tuple[float, float]:
    found = services.classifiers.chance(home, user, face.embeddings)
    if found is None:
        raise Refusal(Code.VALUE_REFUSED, advice="This user is not known: train the user first.", field="username")
    return found


def check_lesson(username: str, photos: Sequence[SentFile]) -> None:
    """Refuse what needs no look at the photos: BAD_NAME, VALUE_REFUSED for too few, BAD_BASE64 where none decodes."""
    user_name(username)
    if len(photos) < LEAST_IMAGES:
        raise Refusal(Code.VALUE_REFUSED, advice=f"Send {LEAST_IMAGES} or more images of the user.", field="images")
    if all(photo.data is None for photo in photos):
        raise Refusal(Code.BAD_BASE64, field="images")


def look_at_lesson(
    home: str, username: str, photos: Sequence[SentFile], services: Services, progress: Progress
) -> Lesson:
    """Find the user's face in the photos; those that show nobody, several people or somebody else are left out.

    Refuses with NO_FACE where too few are left, with DIFFERENT_PEOPLE where the photos are not of one person, or not of
    the user whom the home knows, and as `check_lesson` does.
    """
    check_lesson(username, photos)
    user, ledger = user_name(username), Ledger()
    kept: list[Sighting] = []
    left_out: dict[str, int] = {}
    named, looked_at = named_apart(photos), 0

    def see_some(batch: Sequence[SentFile]) -> tuple[Sequence[SentFile], Seen]:
        return batch, see(batch, services, ledger, live=False)

    for batch, seen in in_batches(see_some, named):
        faces, others = only_subjects(seen.faces, ledger)
        left_out |= {name: int(code) for name, code in {**seen.left_out, **others}.items()}
        left_out |= {one.name: int(Code.BAD_BASE64) for one in batch if one.data is None}
        kept += faces
        looked_at += len(batch)
        progress(looked_at / len(named))
    if len(kept) < LEAST_FACES:
        raise Refusal(Code.NO_FACE, f"{len(kept)} faces", {"left_out": left_out}, field="images")
    odd = _odd(kept, services.classifiers.users(home).get(user), services)
    left_out |= {kept[at].photo.name: int(Code.DIFFERENT_PEOPLE) for at in odd}
    usable = [face for at, face in enumerate(kept) if at not in odd]
    if len(odd) > MOST_ODD * len(kept) or len(usable) < LEAST_FACES:
        advice = "Send images of one person, who is the user that was trained under this name."
        raise Refusal(Code.DIFFERENT_PEOPLE, f"{len(odd)} faces", {"left_out": left_out}, advice=advice, field="images")
    return Lesson(user, stacked(usable), left_out)


def train(home: str, lesson: Lesson, options: Mapping[str, object], services: Services, progress: Progress) -> Outcome:
    """Train the home's classifier anew with what was learnt of one more user, or more of a known one."""
    return recorded("train", "", services, lambda: _trained(home, lesson, options, services, progress))


def _trained(
    home: str, lesson: Lesson, options: Mapping[str, object], services: Services, progress: Progress
) -> Outcome:
    def taught(users: UsersFaces) -> UsersFaces:
        return {**users, lesson.user: _added(users.get(lesson.user), lesson.faces)}

    report = services.classifiers.train(home, taught, options, progress)
    results: dict[str, Any] = {
        "username": lesson.user,
        "version": report.number,
        "users": len(report.faces),
        "faces": report.faces[lesson.user],
        "left_out": dict(lesson.left_out),
        "validation": dict(report.validation),
    }
    return Outcome(Code.DONE, results)


def user_name(name: str) -> str:
    """Return a user's name as it is compared: clients write accents as one character or as two."""
    return unicodedata.normalize("NFC", check_name(name, "username"))


def _odd(faces: Sequence[Sighting], known: EnrolledFaces | None, services: Services) -> set[int]:
    """Return the places of faces that are not the person whom the others show, or not the known user."""
    scorer, sim_func, new = services.scorer, services.policy.sim_func, stacked(faces)
    odd = set(odd_ones_out(new, scorer, sim_func))
    if known is not None:
        scores = against_template(new, known, scorer, sim_func)[0][:, 0]
        odd |= set(np.flatnonzero(scores > scorer.threshold(1, 1)).tolist())
    return odd


def _added(known: EnrolledFaces | None, new: Mapping[str, Floats]) -> EnrolledFaces:
    """Return a user's faces with the new ones, at most `MOST_FACES`."""
    if known is None:
        return EnrolledFaces({name: rows[:MOST_FACES] for name, rows in new.items()})
    first = min(known.first, FIRST_FACES)
    joined = {name: np.concatenate([known[name], rows]) for name, rows in new.items()}
    newest = MOST_FACES - first
    kept = {name: np.concatenate([rows[:first], rows[first:][-newest:]]) for name, rows in joined.items()}
    return EnrolledFaces(kept, first)
