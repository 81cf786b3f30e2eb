"""What a call of CompreFace's API asks for: its query, its photos, its JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Request

from api.bodies import json_value
from api.photos import Sent, sent
from api.source import source
from codes_dict import Code, Refusal
from pipeline import flows

MOST_FACES = 1_000_000
"""`limit` and `prediction_count` at most, as text; a photo has ten faces at most."""
MOST_PREDICTIONS = 100
MOST_NUMBERS = 200_000
"""Numbers in the embeddings of one request."""


@dataclass(frozen=True, eq=False)
class Question:
    """A photo, how its faces are looked at and shown, how many subjects each gets, and whether times are shown."""

    photos: dict[str, flows.SentFile]
    ask: flows.FaceOptions
    predictions: int
    shows_status: bool


def question(request: Request, *keys: str) -> Question:
    """Return what a call with one photo under each of these keys asks for. Refuses with NO_FILES and VALUE_REFUSED."""
    body = sent(request, 2 * len(keys), keys)
    wanted = {name.strip() for name in body.text("face_plugins").split(",")}
    limit, plugins = body.number("limit", 0, MOST_FACES, 0), frozenset(wanted & set(flows.PLUGINS))
    return Question(
        {key: one_photo(body, key) for key in keys},
        flows.FaceOptions(limit, plugins, body.decimal("det_prob_threshold", 0, 1, 0)),
        min(body.number("prediction_count", 1, MOST_FACES, 1), MOST_PREDICTIONS),
        body.flag("status"),
    )


def one_photo(body: Sent, key: str) -> flows.SentFile:
    """Return the photo of a key. Refuses with NO_FILES, and with VALUE_REFUSED where there are several."""
    photos = body.photos[key]
    if not photos:
        raise Refusal(Code.NO_FILES, advice=f"Send the photo in {key}.", field=key)
    if len(photos) > 1:
        raise Refusal(Code.VALUE_REFUSED, advice=f"Send one photo in {key}.", field=key)
    return photos[0]


def needed_text(body: Sent, key: str) -> str:
    """Return a field; refuses with VALUE_REFUSED where it is missing or blank."""
    text = body.text(key)
    if not text.strip():
        raise Refusal(Code.VALUE_REFUSED, results={"missing": True}, advice=f"Send {key}.", field=key)
    return text


@contextmanager
def attempt_at(image_id: str, services: flows.Services) -> Iterator[Callable[[], None]]:
    """Count the block against the person whom an image shows; it calls what it gets where nobody was alike."""
    person_id = flows.subject_face(image_id, services).person_id
    with source().limits().attempt(person_id, source().rules().failed_verify_limit) as fail:
        yield fail


def image_ids(request: Request) -> list[str]:
    """Return a JSON body that is a list of texts. Refuses with BAD_JSON, and VALUE_REFUSED for anything else."""
    found = json_value(request, MOST_PREDICTIONS * 10) if request.is_json else None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Refusal(Code.VALUE_REFUSED, advice="Send a JSON list of image ids as application/json.", field="image_id")
    return found


def vectors(request: Request, **depths: int) -> list[list[list[float]]]:
    """Return fields of a JSON body that are vectors (depth 1, as a list of one) or lists of vectors (depth 2).

    Refuses with BAD_JSON, TOO_LARGE, and VALUE_REFUSED for anything else.
    """
    body = json_value(request, MOST_NUMBERS) if request.is_json else {}
    fields = body if isinstance(body, dict) else {}
    return [_vectors(key, [fields.get(key)] if depth == 1 else fields.get(key)) for key, depth in depths.items()]


def _vectors(key: str, found: object) -> list[list[float]]:
    is_list = isinstance(found, list) and bool(found)
    if not is_list or not all(isinstance(one, list) and all(map(_is_number, one)) for one in found):  # type: ignore[attr-defined]
        raise Refusal(Code.VALUE_REFUSED, advice="Send lists of numbers, in JSON as application/json.", field=key)
    return [[float(number) for number in one] for one in found]  # type: ignore[attr-defined]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
