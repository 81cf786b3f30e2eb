"""DeepFace's `analyze`: how old a face looks, of which gender, in what mood. Nothing is kept, no verdict uses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.deepface import Options, area_of
from pipeline.flows.photos import located, look_at
from pipeline.flows.services import Services, explained
from pipeline.ledger import Ledger
from pipeline.registry import AGE, ATTRIBUTE_WEIGHTS
from pipeline.stages.liveness import judge_faces, keep_live
from pipeline.stages.sent_files import SentFile
from pipeline.stages.sightings import Sighting

ACTIONS: tuple[str, ...] = tuple(ATTRIBUTE_WEIGHTS)
NO_RACE = "This server does not tell people's race."


def analyze(img: SentFile, actions: Sequence[str], options: Options, services: Services) -> Outcome:
    """Return a row per face of the photo, largest first, in DeepFace's keys.

    Refuses with VALUE_REFUSED for an action that there is not, NO_WEIGHTS where a model's weights are missing,
    ALL_REJECTED, NO_FACE, and as `keep_live` does.
    """
    _check(actions)
    results: dict[str, Any] = {"results": []}
    with explained(results) as ledger:
        services.attributes.estimate([], actions)  # what is missing is said before the photo is looked at
        faces = _faces(img, options, services, ledger)
        with ledger.stage("attributes", len(faces)) as row:
            found = services.attributes.estimate([face.crop for face in faces], actions)
            row.went_out = len(found)
        results["results"] = [_row(face, its) for face, its in zip(faces, found, strict=True)]
    return Outcome(Code.DONE, results)


def _faces(img: SentFile, options: Options, services: Services, ledger: Ledger) -> list[Sighting]:
    """Return the photo's faces with their pixels; only live ones where asked for."""
    look = next(look for looks in look_at([img], services, ledger, keep_any_face=True, needs_space=options.live)
                for look in looks)  # fmt: skip
    if look.photo is None:
        raise Refusal(Code.ALL_REJECTED, field="img")
    faces = [Sighting(look.photo, face.detection, face.crop) for face in look.faces]
    if not faces and options.enforce:
        raise Refusal(Code.NO_FACE, field="img")
    return keep_live(judge_faces(faces, services.judge, ledger), ledger) if options.live and faces else faces


def _check(actions: Sequence[str]) -> None:
    unknown = [one for one in actions if one not in ACTIONS]
    if unknown or not actions:
        advice = f"Set actions to some of {', '.join(ACTIONS)}."
        advice += f" {NO_RACE}" if "race" in unknown else ""
        raise Refusal(Code.VALUE_REFUSED, advice=advice, field="actions")


def _row(face: Sighting, found: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    shown = located(face)
    row: dict[str, Any] = {"region": area_of(shown), "face_confidence": shown["confidence"]}
    for name, chances in found.items():
        if name == AGE:
            row[name] = int(sum(int(year) * chance for year, chance in chances.items()))
            continue
        total = sum(chances.values())
        row[name] = {value: round(100 * chance / total, 4) for value, chance in chances.items()}
        row[f"dominant_{name}"] = max(chances, key=lambda value: chances[value])
    return row
