"""Who is this? The nearest people of everybody enrolled, for every face of some photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import recorded
from pipeline.flows.photos import Seen, see, why_none
from pipeline.flows.services import AT_ONCE, Services, explained
from pipeline.flows.subject_rules import subject_name
from pipeline.ledger import Ledger
from pipeline.stages.compare import shown
from pipeline.stages.liveness import shown_verdict
from pipeline.stages.ranking import group_scores
from pipeline.stages.sent_files import SentFile, named_apart
from pipeline.stages.sightings import stacked
from pipeline.stages.subject import shown_box
from pipeline.types import Liveness

MOST_CANDIDATES = 50


@dataclass(frozen=True, eq=False)
class SearchRequest:
    """Photos, how many candidates are wanted for each face, 1 to MOST_CANDIDATES, and whether faces have to be live."""

    files: Sequence[SentFile]
    limit: int = 5
    live: bool = False


def search(ask: SearchRequest, services: Services, progress: Callable[[float], None] = lambda _: None) -> Outcome:
    """Return the nearest people for each face; who is `accepted` is within the search threshold and, if asked, live.

    Refuses with NO_FILES, BAD_BASE64, ALL_REJECTED where no file is a photo, and NO_FACE where none shows a face.
    """
    return recorded("search", "", services, lambda: _found(ask, services, progress))


def _found(ask: SearchRequest, services: Services, progress: Callable[[float], None]) -> Outcome:
    results: dict[str, Any] = {"faces": [], "people": 0, "left_out": {}, "calibrated": services.scorer.calibrated}
    with explained(results) as ledger:
        if not ask.files:
            raise Refusal(Code.NO_FILES)
        files = named_apart(ask.files)
        for start in range(0, len(files), AT_ONCE):
            seen = see(files[start : start + AT_ONCE], services, ledger, live=ask.live)
            results["left_out"] |= {name: int(code) for name, code in seen.left_out.items()}
            _search(seen, ask, services, ledger, results)
            progress(min(1.0, (start + AT_ONCE) / len(files)))
        if not results["faces"]:
            code = why_none(files, results["left_out"].values())
            is_file = len(files) == 1 and code is not Code.NO_FACE  # what is wrong with it says more than the code
            raise Refusal(code, advice=seen.files[0].checks[0].advice if is_file else "")
    return Outcome(Code.DONE, results)


def _search(seen: Seen, ask: SearchRequest, services: Services, ledger: Ledger, results: dict[str, Any]) -> None:
    faces = [face for its_faces in seen.faces.values() for face in its_faces]
    if not faces:
        return
    snapshot, scorer = services.gallery.snapshot(), services.scorer
    results["people"] = snapshot.people
    with ledger.stage("search", len(faces)) as row:
        probes = stacked(faces)
        everybody = snapshot.candidates(probes, "")
        groups = [[at] for at in range(len(faces))]
        scores = group_scores(probes, groups, everybody, scorer, services.policy.sim_func)
        threshold = scorer.search_threshold(snapshot.people, 1)
        for face, its_scores in zip(faces, scores, strict=True):
            nearest = _nearest(its_scores, ask.limit)
            is_live = not ask.live or bool(face.verdict and face.verdict.state is Liveness.LIVE)
            candidates = [
                {
                    "id": everybody.ids[at],
                    "name": subject_name(everybody.ids[at], services) or None,
                    "score": shown(its_scores[at]),
                    "false_positive_rate": scorer.fpir_at(float(its_scores[at]), snapshot.people, 1),
                    "accepted": bool(is_live and its_scores[at] <= threshold),
                }
                for at in nearest
            ]
            row.went_out += any(one["accepted"] for one in candidates)
            results["faces"].append(
                {
                    "file": face.photo.name,
                    "box": list(shown_box(face.photo, face.detection.box)),
                    "threshold": shown(threshold),
                    "candidates": candidates,
                    **({"liveness": shown_verdict(face.verdict)} if face.verdict else {}),
                }
            )


def _nearest(scores: np.ndarray[Any, Any], limit: int) -> list[int]:
    """Return the places of the `limit` lowest scores, lowest first."""
    few = np.argpartition(scores, limit - 1)[:limit] if limit < len(scores) else np.arange(len(scores))
    return [int(at) for at in few[np.argsort(scores[few], kind="stable")]]
