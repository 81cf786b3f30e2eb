"""What the rules around the score cost honest people, and what they let pass of photos that are mixed on purpose.

Everybody is enrolled with one photo. Genuine claims send one, two or three of a person's other photos; attackers who
are enrolled themselves send one photo of the victim among one or two of their own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from codes_dict import Code, Refusal
from db.gallery.index import Index, MemorySnapshot
from pipeline.ledger import Ledger
from pipeline.stages.compare import check_agreement, first_look
from pipeline.stages.search import check_nearest, search_everybody
from pipeline.stages.sightings import Probes, Sighting
from pipeline.types import NO_PIXELS, Box, Crop, Detection, EnrolledFaces, Floats, Photo, Scorer
from tools.calibration.sample import Ints, Sample, shuffled, templates_of

MOST_SENT = 3
"""Photos of a genuine claim at most."""

_BOX = Box(0, 0, 1, 1)
_DETECTION = Detection(_BOX, np.zeros((5, 2), np.float32), 1.0)
_CROP = Crop(NO_PIXELS, _DETECTION.landmarks, _BOX, "")


class Court:
    """Decides claims of faces of a sample, without a second look; the first row of everybody is enrolled."""

    def __init__(self, sample: Sample, order: dict[int, Ints], scorer: Scorer, sim_func: str, ver_tol: int) -> None:
        self._sample, self._likeness, self._ver_tol = sample, (scorer, sim_func), ver_tol
        self._everybody = enrolled(sample, order, sim_func)

    def decide(self, claimed: int, rows: Sequence[int]) -> tuple[bool, Code]:
        """Return whether enough photos are within the threshold, and how /verify ends, for photos of these rows."""
        faces = [face_of_row(self._sample.embeddings, row, number) for number, row in enumerate(rows)]
        probes, name, (scorer, sim_func) = Probes(faces, len(faces)), str(claimed), self._likeness
        mine = self._everybody.person(name)
        assert mine is not None  # noqa: S101 - narrows the type
        look = first_look(probes, mine, scorer, sim_func, self._ver_tol)
        among = self._everybody, self._likeness, lambda _: ()
        try:
            check_agreement(look.scores, scorer)
            if look.verified:
                check_nearest(name, probes, *among, Code.FOUND_OTHER, Ledger())
                return True, Code.VERIFIED
            search_everybody(name, probes, self._ver_tol, *among, Ledger())
        except Refusal as refusal:
            return look.verified, refusal.code
        return False, Code.FOUND


def enrolled(sample: Sample, order: dict[int, Ints], sim_func: str) -> MemorySnapshot:
    """Return a gallery of everybody, each with the first of their rows."""
    index = Index({name: values.shape[1] for name, values in sample.embeddings.items()})
    templates = templates_of(sample, [rows[:1] for rows in order.values()], sim_func)
    for at, (person, rows) in enumerate(order.items()):
        embeddings = {name: values[rows[:1]] for name, values in sample.embeddings.items()}
        index.put(str(person), EnrolledFaces(embeddings), {name: values[at] for name, values in templates.items()})
    return index.snapshot(1)


def decisions(
    sample: Sample, scorer: Scorer, sim_func: str, ver_tol: int, splits: int, seed: int
) -> dict[str, dict[str, int]]:
    """Return how genuine claims and mixed ones end: per number of photos, how many, and how many each way."""
    counts: dict[str, Counter[str]] = {}
    for split in range(splits):
        generator = np.random.default_rng([seed, 41, split])
        order = shuffled(sample, generator)
        court = Court(sample, order, scorer, sim_func, ver_tol)
        people = [person for person, rows in order.items() if len(rows) > 1]
        for sent in range(1, MOST_SENT + 1):
            for person in people:
                if len(order[person]) > sent:
                    decided = court.decide(person, order[person][1 : 1 + sent].tolist())
                    _count(counts.setdefault(f"genuine, {sent}", Counter()), *decided)
        for victim, attacker in zip(people, np.roll(people, 1).tolist(), strict=True):
            for own in (1, 2):
                if len(order[attacker]) > own:
                    rows = [int(order[victim][1]), *order[attacker][1 : 1 + own].tolist()]
                    decided = court.decide(victim, rows)
                    _count(counts.setdefault(f"victim's photo among {own}", Counter()), *decided)
    return {kind: dict(found) for kind, found in counts.items()}


def _count(counts: Counter[str], verified: bool, code: Code) -> None:
    counts["claims"] += 1
    counts["within"] += verified
    counts["accepted"] += code in (Code.VERIFIED, Code.FOUND)
    counts["nearer"] += verified and code is Code.FOUND_OTHER
    counts["contradictory"] += code is Code.DIFFERENT_PEOPLE
    counts["contradictory_within"] += verified and code is Code.DIFFERENT_PEOPLE


def face_of_row(embeddings: Mapping[str, Floats], row: int, number: int = 0) -> Sighting:
    """Return a face that is known by one row of embeddings (n, d) alone; `number` tells its photo from others."""
    known = {name: values[row] for name, values in embeddings.items()}
    return Sighting(Photo(str(number), NO_PIXELS, str(row)), _DETECTION, _CROP, number, embeddings=known)
