"""DeepFace's calls on this server's flows: its options in, its reply keys out. Guards, thresholds, audit are ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.compare import CompareRequest, compare
from pipeline.flows.photos import located, see
from pipeline.flows.search import MOST_CANDIDATES, SearchRequest, search
from pipeline.flows.services import Services, explained
from pipeline.registry import REGISTRY
from pipeline.stages.liveness import keep_live
from pipeline.stages.metric import Scale, confidence, metrics_of, scale_of
from pipeline.stages.sent_files import SentFile
from pipeline.types import Liveness

DETECTOR = "mtcnn"
JOINT = "+"
"""Joins the names of the models that decide together."""
FAR = 1e6
"""Stands for a score that is none: farther than any."""
_SIDES = {"a": "img1", "b": "img2"}


@dataclass(frozen=True)
class Options:
    """What DeepFace's callers choose: `model` is empty for the server's own, `live` is anti_spoofing.

    With `enforce`, a photo without a face is refused; without, it has no results.
    """

    model: str = ""
    metric: str = "cosine"
    live: bool = False
    enforce: bool = True


def verify(img1: SentFile, img2: SentFile, options: Options, services: Services) -> Outcome:
    """Compare two photos, each of one person: SAME_PERSON or NOT_SAME_PERSON, in DeepFace's keys.

    Refuses as `compare` does, and with VALUE_REFUSED for a model or a metric that is not at hand.
    """
    chosen, model = with_model(options.model, services)
    scale = _scale(options.metric, chosen)
    try:
        outcome = compare(CompareRequest([img1], [img2], live="ab" if options.live else ""), chosen)
    except Refusal as refusal:
        refusal.field = _SIDES.get(refusal.field or "", refusal.field)
        raise
    found = outcome.results
    areas = {_SIDES[side]: area_of(face) for side, its in found["faces"].items() for face in its.values()}
    return Outcome(
        outcome.code,
        {
            **_decided(found["score"], found["threshold"], found["accepted"], scale),
            "model": model,
            "detector_backend": DETECTOR,
            "similarity_metric": options.metric,
            "facial_areas": areas,
            "time": round(sum(row["milliseconds"] for row in found["stages"]) / 1000, 2),
            "fmr_at_score": found["fmr_at_score"],
            "calibrated": found["calibrated"],
            "warnings": found["warnings"],
            "stages": found["stages"],
        },
    )


def represent(img: SentFile, options: Options, max_faces: int, services: Services) -> Outcome:
    """Return up to `max_faces` faces of a photo, largest first, each with its embedding by one model.

    Without `options.model` that is the first selected one. Refuses as `faces_of` and `keep_live` do, with NO_FACE, and
    with VALUE_REFUSED for a model that is not loaded.
    """
    model = options.model or next(iter(services.embedders))
    if model not in services.embedders:
        raise _no_model(model, tuple(services.embedders))
    results: dict[str, Any] = {"results": []}
    with explained(results) as ledger:
        seen = see([img], services, ledger, live=options.live)
        faces = [face for its_faces in seen.faces.values() for face in its_faces][:max_faces]
        if not faces and (options.enforce or not seen.faces):
            raise Refusal(Code.NO_FACE if seen.faces else Code.ALL_REJECTED, field="img")
        faces = keep_live(faces, ledger) if options.live and faces else faces
        version = services.embedders[model].version
        results["results"] = [
            {
                "embedding": [float(value) for value in face.embeddings[model]],
                "facial_area": area_of(shown := located(face)),
                "face_confidence": shown["confidence"],
                "model": model,
                "version": version,
            }
            for face in faces
        ]
    return Outcome(Code.DONE, results)


def search_gallery(
    img: SentFile, options: Options, limit: int, similar: bool, method: str, services: Services
) -> Outcome:
    """Return for each face the people who are within the search's threshold, nearest first; with `similar`, others too.

    At most `limit` of them. Refuses as `search` does; with ALL_SPOOF and NONE_LIVE where `options.live` finds a spoof
    or nobody live; and with VALUE_REFUSED for a model or a metric that is not at hand.
    """
    chosen, model = with_model(options.model, services)
    scale = _scale(options.metric, chosen)
    try:
        outcome = search(SearchRequest([img], min(limit, MOST_CANDIDATES), options.live), chosen)
    except Refusal as refusal:
        if refusal.code is Code.NO_FACE and not options.enforce:
            return Outcome(Code.DONE, {"results": [], "stages": (refusal.results or {}).get("stages", [])})
        refusal.field = "img"
        raise
    found = outcome.results
    if options.live:
        _check_live(found)
    about = {
        "model_name": model,
        "detector_backend": DETECTOR,
        "aligned": True,
        "l2_normalized": services.policy.sim_func != "euclidean",
        "search_method": method,
        "distance_metric": options.metric,
    }
    people = [[_match(one, face, scale, about) for one in face["candidates"] if similar or one["accepted"]]
              for face in found["faces"]]  # fmt: skip
    return Outcome(outcome.code, {"results": people, "stages": found["stages"]})


def index_state(services: Services) -> Outcome:
    """Return how many people a search sees: everybody who is enrolled, always. Refuses with VECTORS_DOWN."""
    people = services.gallery.snapshot().people
    message = "The index is always current: a search sees everybody who is registered."
    return Outcome(Code.DONE, {"message": message, "people": people})


def with_model(name: str, services: Services) -> tuple[Services, str]:
    """Return services that decide by the named model alone, by all selected ones where none is named, and their name.

    Refuses with VALUE_REFUSED where the name is no selected model's, or its thresholds alone are not known.
    """
    selected = tuple(services.embedders)
    if name in ("", JOINT.join(selected)):
        return services, JOINT.join(selected)
    if name in services.alone:
        return replace(services, scorer=services.alone[name]), name
    raise _no_model(name, tuple(services.alone) if len(selected) > 1 else selected)


def area_of(face: Mapping[str, Any]) -> dict[str, Any]:
    """Return a face's box and landmarks as DeepFace names them; left and right are the person's own."""
    left, top, width, height = face["box"]
    x, y = max(0, left), max(0, top)
    right_eye, left_eye, nose, mouth_right, mouth_left = ([round(x), round(y)] for x, y in face["landmarks"])
    return {
        "x": x,
        "y": y,
        "w": width - (x - left),
        "h": height - (y - top),
        "left_eye": left_eye,
        "right_eye": right_eye,
        "nose": nose,
        "mouth_left": mouth_left,
        "mouth_right": mouth_right,
    }


def _decided(score: float | None, threshold: float | None, accepted: bool, scale: Scale) -> dict[str, Any]:
    """Return a decision in DeepFace's keys; a score of None is none, a threshold of None is one that nothing passes."""
    reached, limit = FAR if score is None else score, 0.0 if threshold is None else threshold
    distance, shown_limit = scale.pair(reached, limit, accepted)
    return {
        "verified": accepted,
        "distance": distance,
        "threshold": shown_limit,
        "confidence": confidence(distance, shown_limit, accepted),
    }


def _match(
    candidate: Mapping[str, Any], face: Mapping[str, Any], scale: Scale, about: Mapping[str, Any]
) -> dict[str, Any]:
    x, y, width, height = face["box"]
    return {
        "id": candidate["id"],
        "img_name": candidate["name"],
        **about,
        "target_x": x,
        "target_y": y,
        "target_w": width,
        "target_h": height,
        **_decided(candidate["score"], face["threshold"], candidate["accepted"], scale),
        "false_positive_rate": candidate["false_positive_rate"],
    }


def _check_live(found: Mapping[str, Any]) -> None:
    """Refuse, as DeepFace does, a photo with a spoof in it, or without anybody live."""
    states = {face["liveness"]["state"] for face in found["faces"]}
    if Liveness.SPOOF.value in states:
        raise Refusal(Code.ALL_SPOOF, results=found, field="img")
    if Liveness.LIVE.value not in states:
        raise Refusal(Code.NONE_LIVE, results=found, field="img")


def _scale(metric: str, services: Services) -> Scale:
    known = metrics_of(services.policy.sim_func)
    if metric not in known:
        advice = f"This server compares with SIM_FUNC={services.policy.sim_func}. Set distance_metric to one of "
        raise Refusal(Code.VALUE_REFUSED, advice=f"{advice}{', '.join(known)}.", field="distance_metric")
    return scale_of(metric, services.policy.sim_func, services.scorer)


def _no_model(name: str, loaded: Sequence[str]) -> Refusal:
    """Return the refusal of a model that is not loaded: what there is, and how an operator adds it."""
    advice = f"Loaded here: {', '.join(loaded)}. Name one of them, or leave model_name out for the server's decision."
    if name in REGISTRY:
        advice += f" To add {name}, an operator runs bin/fetch-models {name} and adds it to SELECTED_MODELS."
    return Refusal(Code.VALUE_REFUSED, advice=advice, field="model_name")
