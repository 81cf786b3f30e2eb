"""Do two photos, or two sets of photos, show the same person? Nothing of them is kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import recorded
from pipeline.flows.photos import Seen, located, see, why_none
from pipeline.flows.services import Services, explained
from pipeline.ledger import Ledger
from pipeline.stages.compare import check_agreement, first_look, shown
from pipeline.stages.guards import check_one_person
from pipeline.stages.liveness import keep_live, shown_verdict
from pipeline.stages.sent_files import SentFile, named_apart
from pipeline.stages.sightings import Probes, Sighting, largest_of_each, stacked
from pipeline.stages.subject import only_subjects
from pipeline.types import EnrolledFaces

NOT_MEASURED = (
    "No false match rate is known for portraits on documents: the threshold is that of two selfies, and a document's "
    "old or small portrait is further from its holder than another selfie is."
)
_SIDES = ("a", "b")


@dataclass(frozen=True, eq=False)
class CompareRequest:
    """Two sets of photos. `document` names the set that is of an ID card or passport, `live` the one that is a selfie.

    Both are `a`, `b`, or empty; `live` is `ab` where both sets have to be live.
    """

    a: Sequence[SentFile]
    b: Sequence[SentFile]
    live: str = ""
    document: str = ""


def compare(ask: CompareRequest, services: Services) -> Outcome:
    """Compare set `b` with set `a`: SAME_PERSON or NOT_SAME_PERSON.

    The faces of `a` become one template, and each photo of `b` is compared with it; VER_TOL of them have to fit, all of
    them where there are fewer. Refuses with NO_FILES, BAD_BASE64 and ALL_REJECTED where a set has no photo, NO_FACE and
    NO_SINGLE_FACE where it shows nobody or several people, DIFFERENT_PEOPLE where its photos do, and as `keep_live`
    does where the selfie is not live.
    """
    return recorded("compare", "", services, lambda: _compare(ask, services))


def _compare(ask: CompareRequest, services: Services) -> Outcome:
    scorer = services.scorer
    results: dict[str, Any] = {
        "accepted": False,
        "score": None,
        "threshold": None,
        "fmr_at_score": None,
        "calibrated": scorer.calibrated and not ask.document,
        "quality": {},
        "faces": {},
        "liveness": None,
        "left_out": {},
        "warnings": [],
    }
    with explained(results) as ledger:
        named = iter(named_apart([*ask.a, *ask.b]))
        files = {side: [next(named) for _ in getattr(ask, side)] for side in _SIDES}
        faces, images = {}, 0
        for side in _SIDES:
            with _blaming(side):
                faces[side], images = _side(side, files[side], ask, services, ledger, results)
        with ledger.stage("compare", len(faces["b"])) as row:
            enrolled, probes = EnrolledFaces(stacked(faces["a"])), Probes(faces["b"], images)
            look = first_look(probes, enrolled, scorer, services.policy.sim_func, services.policy.ver_tol)
            row.went_out, row.items = look.counted, list(look.items)
            check_agreement(look.scores, scorer)
        results |= {"accepted": look.verified, "score": shown(look.score), "threshold": shown(look.threshold)}
        results["fmr_at_score"] = None if ask.document else look.fmr
    return Outcome(Code.SAME_PERSON if look.verified else Code.NOT_SAME_PERSON, results)


@contextmanager
def _blaming(side: str) -> Iterator[None]:
    """Let a refusal name the set that is wrong."""
    try:
        yield
    except Refusal as refusal:
        refusal.field = refusal.field or side
        raise


def _side(
    side: str,
    files: Sequence[SentFile],
    ask: CompareRequest,
    services: Services,
    ledger: Ledger,
    results: dict[str, Any],
) -> tuple[list[Sighting], int]:
    """Return the faces of one set that are compared, and how many distinct images it has."""
    if not files:
        raise Refusal(Code.NO_FILES)
    seen = see(files, services, ledger, live=side in ask.live)
    results["quality"][side] = seen.quality()
    results["warnings"] += _warnings(seen, services.policy.score_tol)
    if ask.document == side:
        left_out, faces = seen.left_out, largest_of_each([face for its in seen.faces.values() for face in its])
        results["warnings"].append(NOT_MEASURED)
    else:
        faces, left_out = only_subjects(seen.faces, ledger)
        left_out |= seen.left_out
    results["left_out"] |= {name: int(code) for name, code in left_out.items()}
    if not faces:
        raise Refusal(why_none(files, left_out.values()))
    results["faces"][side] = {face.photo.name: located(face) for face in faces}
    if side in ask.live:
        verdicts = {face.photo.name: shown_verdict(face.verdict) for face in faces if face.verdict}
        results["liveness"] = {**(results["liveness"] or {}), **verdicts}
        faces = keep_live(faces, ledger)
    check_one_person(faces, services.scorer, services.policy.sim_func)
    return [replace(face, verdict=None) for face in faces], seen.distinct.count


def _warnings(seen: Seen, least: float) -> list[str]:
    return [
        f"{file.name} scores {file.score:.3f}, below {least:g}: rates are measured on better photos."
        for file in seen.files
        if file.score is not None and file.score < least
    ]
