"""Guards of an enrolment: the faces are one person, the person enrolled under the ID, and no other enrolled person."""

from collections.abc import Mapping, Sequence

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ports import Snapshot
from pipeline.stages.compare import against_template
from pipeline.stages.distance import template
from pipeline.stages.ranking import best_scores
from pipeline.stages.sightings import Sighting, stacked
from pipeline.types import EnrolledFaces, Floats, Scorer


def odd_ones_out(embeddings: Mapping[str, Floats], scorer: Scorer, sim_func: str) -> list[int]:
    """Return the faces that do not show the same person as the others, as indices.

    Each face is compared with the template of all the others, at the 1:1 threshold of a single image.
    """
    count = len(embeddings[scorer.models[0]])
    if count < 2:
        return []
    threshold = scorer.threshold(1, 1)
    odd = []
    for index in range(count):
        one = {name: embeddings[name][index : index + 1] for name in scorer.models}
        others = {name: np.delete(embeddings[name], index, axis=0) for name in scorer.models}
        score, _ = against_template(one, EnrolledFaces(others), scorer, sim_func)
        if score[0, 0] > threshold:
            odd.append(index)
    return odd


def check_one_person(faces: Sequence[Sighting], scorer: Scorer, sim_func: str) -> None:
    """Refuse with DIFFERENT_PEOPLE where the faces of an upload are not one person; names a single odd one's file."""
    odd = odd_ones_out(stacked(faces), scorer, sim_func)
    if odd:
        file = faces[odd[0]].photo.name if len(odd) == 1 else None
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
