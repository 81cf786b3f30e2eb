"""Guards of an enrolment: the faces are one person, the person enrolled under the ID, and no other enrolled person."""

from collections.abc import Mapping, Sequence

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ports import Snapshot
from pipeline.stages.compare import against_template, fused_scores
from pipeline.stages.distance import template
from pipeline.stages.ranking import best_scores
from pipeline.stages.sightings import Sighting, stacked
from pipeline.types import EnrolledFaces, Floats, Scorer


def odd_ones_out(embeddings: Mapping[str, Floats], scorer: Scorer, sim_func: str) -> list[int]:
    """Return the faces that do not show the person whom the most alike half of them shows, as indices.

    Each face is compared with the template of the others of that half, at the 1:1 threshold of a single image, and then
    with all others that matched. A template of all faces would lie between two people who have as many faces each, and
    match both.
    """
    everybody = range(len(embeddings[scorer.models[0]]))
    members = _most_alike_half(embeddings, scorer, sim_func) if len(everybody) > 1 else [*everybody]
    for _ in range(2):
        members = [at for at in everybody if _matches(at, members, embeddings, scorer, sim_func)]
    return [at for at in everybody if at not in members]


def _most_alike_half(embeddings: Mapping[str, Floats], scorer: Scorer, sim_func: str) -> list[int]:
    """Return the half of the faces, rounded up, that is closest around one of them."""
    scores = fused_scores(embeddings, embeddings, scorer, sim_func, 1)[0].copy()
    np.fill_diagonal(scores, -np.inf)  # each face is the first of its own half
    half = (len(scores) + 1) // 2
    spread = np.sort(scores, axis=1)[:, 1:half].sum(axis=1)
    return [int(at) for at in np.argsort(scores[np.argmin(spread)], kind="stable")[:half]]


def _matches(at: int, members: Sequence[int], embeddings: Mapping[str, Floats], scorer: Scorer, sim_func: str) -> bool:
    others = [one for one in members if one != at]
    if not others:
        return True
    one, rest = ({name: embeddings[name][rows] for name in scorer.models} for rows in ([at], others))
    score, _ = against_template(one, EnrolledFaces(rest), scorer, sim_func)
    return bool(score[0, 0] <= scorer.threshold(1, 1))


def check_one_person(faces: Sequence[Sighting], scorer: Scorer, sim_func: str) -> None:
    """Refuse with DIFFERENT_PEOPLE where the faces of an upload are not one person; names a single odd one's file."""
    odd = odd_ones_out(stacked(faces), scorer, sim_func)
    if odd:
        file = faces[odd[0]].photo.name if len(odd) == 1 < len(faces) - 1 else None
        raise Refusal(Code.DIFFERENT_PEOPLE, f"{len(odd)} faces do not match the others", file=file)


def check_enough(faces: Sequence[Sighting], least: int) -> None:
    """Refuse with NO_SINGLE_FACE where the faces are from fewer than `least` distinct images."""
    images = len({face.group for face in faces})
    if images < least:
        advice = f"Send at least {least} different photos that show this one person alone; {images} can be used."
        raise Refusal(Code.NO_SINGLE_FACE, f"{images} of {least} photos", advice=advice)


def check_same_person(faces: Sequence[Sighting], enrolled: EnrolledFaces | None, scorer: Scorer, sim_func: str) -> None:
    """Refuse with DIFFERENT_PEOPLE where a face of an upload is not the person already enrolled under the ID.

    Every face has to match the first enrolment as well as the whole: else many small steps, each of which matches the
    last ones, would lead to somebody else. Names a single odd face's file.
    """
    if enrolled is None:
        return
    new = stacked(faces)
    both = [against_template(new, known, scorer, sim_func)[0][:, 0] for known in (enrolled, enrolled.first_ones)]
    odd = np.flatnonzero(np.maximum(*both) > scorer.addition_threshold)
    if len(odd):
        file = faces[odd[0]].photo.name if len(odd) == 1 else None
        raise Refusal(Code.DIFFERENT_PEOPLE, f"{len(odd)} faces do not match the enrolled ones", file=file)


def possible_duplicates(
    person_id: str, new: Mapping[str, Floats], everybody: Snapshot, scorer: Scorer, sim_func: str
) -> list[str]:
    """Return the other IDs whose person is within the search threshold of these faces, closest first."""
    if not everybody.people:
        return []
    group = {name: template(new[name], sim_func)[np.newaxis] for name in scorer.models}
    near = everybody.candidates(group, person_id)
    ids, scores = near.ids, best_scores(group, near, scorer, sim_func)
    within = np.flatnonzero(scores <= scorer.search_threshold(everybody.people, 1))
    closest_first = within[np.argsort(scores[within], kind="stable")]
    return [ids[index] for index in closest_first if ids[index] != person_id]
