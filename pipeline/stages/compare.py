"""1:1: do enough distinct images show the person who is enrolled under the ID?

Each probe image has one score: every model's distance between its best face and the person's template, fused. Enough
images within the threshold verify; else the augmented faces get a second look with a threshold of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.stages.distance import distances, lengths, template
from pipeline.stages.sightings import Probes, Sighting
from pipeline.types import Bools, Counts, Embedder, EnrolledFaces, Floats, Scorer


@dataclass(frozen=True, eq=False)
class Look:
    """What one look decided. `score` is the one that had to pass: the `required`-th lowest; inf where too few.

    `fmr` is the false match rate, among strangers, at which this very score would just have passed; None where not
    calibrated. `scores` are those that were counted, lowest first.
    """

    verified: bool
    score: float
    fmr: float | None
    threshold: float
    required: int
    counted: int
    items: Sequence[Mapping[str, Any]]
    scores: Floats


def embed(faces: Sequence[Sighting], embedders: Mapping[str, Embedder], images: int, ledger: Ledger) -> list[Sighting]:
    """Return the faces with every model's embedding, in one call per model for those that are not known yet.

    `images` counts the request's distinct images, for the ledger.
    """
    embedded = list(faces)
    with ledger.stage("embed", len(faces)) as row:
        for name, embedder in embedders.items():
            missing = [at for at, face in enumerate(embedded) if name not in face.embeddings]
            vectors = embedder.embed([embedded[at].crop for at in missing]) if missing else ()
            for at, vector in zip(missing, vectors, strict=True):
                embedded[at] = replace(embedded[at], embeddings={**embedded[at].embeddings, name: vector})
        row.went_out = len(faces)
        row.note(models=list(embedders), distinct_images=images)
    return embedded


def fused_scores(
    probes: Mapping[str, Floats],
    targets: Mapping[str, Floats],
    scorer: Scorer,
    sim_func: str,
    enrolled: Counts | int | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """Score probes (n, d) against targets (m, d): the fused (n, m) and each model's distances.

    `enrolled` says how many source crops are behind each target, as `Scorer.fuse` takes it.
    """
    per_model = {name: distances(probes[name], targets[name], sim_func) for name in scorer.models}
    long = {name: lengths(probes[name], targets[name]) for name in scorer.models}
    return scorer.fuse(per_model, enrolled, long), per_model


def against_template(
    probes: Mapping[str, Floats], enrolled: EnrolledFaces, scorer: Scorer, sim_func: str
) -> tuple[Floats, dict[str, Floats]]:
    """Score probes (n, d) against one person's template: (n, 1), and each model's distances."""
    targets = {name: template(enrolled[name], sim_func, enrolled.first)[np.newaxis] for name in scorer.models}
    return fused_scores(probes, targets, scorer, sim_func, len(enrolled[scorer.models[0]]))


def same_people(people: Sequence[EnrolledFaces], scorer: Scorer, sim_func: str) -> Bools:
    """Return which of n people are the same person, (n, n): those whose templates agree as siblings' do not."""
    templates = {name: np.stack([template(one[name], sim_func, one.first) for one in people]) for name in scorer.models}
    return fused_scores(templates, templates, scorer, sim_func)[0] <= scorer.same_person_threshold


def first_look(probes: Probes, enrolled: EnrolledFaces, scorer: Scorer, sim_func: str, ver_tol: int) -> Look:
    """Compare every image with the person's template; `ver_tol` distinct images have to be within the threshold."""
    required = min(ver_tol, probes.images)
    fused, per_model = against_template(probes.embeddings, enrolled, scorer, sim_func)
    scores = fused[:, 0]
    best = probes.best_per_image(scores)
    threshold = scorer.threshold(required, probes.chances)
    items = [
        {
            "image": probes.faces[index].photo.name,
            "score": shown(scores[index]),
            "threshold": shown(threshold),
            "passed": bool(scores[index] <= threshold),
            "votes": {
                name: {
                    "distance": shown(values[index, 0]),
                    "threshold": shown(scorer.model_threshold(name)),
                    "passed": bool(values[index, 0] <= scorer.model_threshold(name)),
                }
                for name, values in per_model.items()
            },
        }
        for index in best
    ]
    look = _decide(scores[best], threshold, required, items)
    return replace(look, fmr=scorer.fmr_at(look.score, required, probes.chances))


def second_look(
    probes: Probes,
    enrolled: EnrolledFaces,
    scorer: Scorer,
    sim_func: str,
    tolerance: tuple[int, int],
    embed_augmented: Callable[[Sequence[Sighting]], Mapping[str, Floats]],
) -> Look:
    """Compare augmented faces with every enrolled source crop; `tolerance` is (VER_TOL, VER_TOL_AUG).

    The faces augmented are each image's best one; the threshold is for the comparisons of all that they were chosen
    from. Fewer live images than the first look requires never pass: copies of what is left do not make up for what
    liveness dropped.
    """
    ver_tol, ver_tol_aug = tolerance
    scores, _ = against_template(probes.embeddings, enrolled, scorer, sim_func)
    best = probes.best_per_image(scores[:, 0])
    augmented = embed_augmented([probes.faces[index] for index in best])
    fused, _ = fused_scores(augmented, enrolled, scorer, sim_func, 1)
    comparisons = fused.ravel()
    required = min(ver_tol_aug, comparisons.size)
    chosen_from = -(-comparisons.size * len(probes.faces) // max(len(best), 1))
    threshold = scorer.second_look_threshold(required, chosen_from, probes.chances)
    enough_images = len(best) >= min(ver_tol, probes.images)
    within = int((comparisons <= threshold).sum())
    items = [{"comparisons": int(comparisons.size), "within": within, "threshold": shown(threshold)}]
    look = _decide(comparisons if enough_images else comparisons[:0], threshold, required, items)
    fmr = scorer.fmr_at_second_look(look.score, required, chosen_from, probes.chances)
    return replace(look, fmr=fmr)


def check_agreement(scores: Floats, scorer: Scorer) -> None:
    """Refuse with DIFFERENT_PEOPLE where some images show the claimed person and others clearly somebody else.

    `scores` holds each distinct image's score against the claimed person, (images,).
    """
    clearly_other = int((scores > scorer.mismatch_threshold).sum())
    if clearly_other and (scores <= scorer.threshold(1, 1)).any():
        raise Refusal(Code.DIFFERENT_PEOPLE, f"{clearly_other} photos show somebody else")


def shown(value: float) -> float | None:
    """Return a score as replies show it, to four places; None if it is not finite."""
    if not np.isfinite(value):
        return None
    return round(float(value), 4)


def _decide(scores: Floats, threshold: float, required: int, items: Sequence[Mapping[str, Any]]) -> Look:
    counted = int((scores <= threshold).sum())
    deciding = float(np.sort(scores)[required - 1]) if 0 < required <= scores.size else float("inf")
    return Look(0 < required <= counted, deciding, None, threshold, required, counted, items, np.sort(scores))
