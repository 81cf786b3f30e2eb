"""The card of a liveness model: how its input is made and how its output is read.

The card is a JSON file beside the model, of the same name with the suffix `.json`. A model without one is read by
the older convention: one 224x224 BGR crop of the face box, pixel values 0 to 255, one output, 0.700 and above is
an attack.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codes_dict import Code, Refusal

FORMAT = 1
_MAX_BYTES = 1 << 20
_COLOURS = ("RGB", "BGR")
_ACTIVATIONS = ("probability", "logit")


@dataclass(frozen=True)
class View:
    """One input of the model: a square crop around the face.

    The crop's side is `scale` times the longer side of the face's box, or the box itself, stretched, where `square`
    is false. What is outside the photo is filled with the value `fill` (0 to 255); where `inside` is true, the crop
    is shrunk and moved until it is in the photo, so that nothing is filled. `size` is in pixels.
    """

    size: int
    scale: float
    square: bool = True
    fill: int = 127
    inside: bool = False


@dataclass(frozen=True)
class Card:
    """What a model's card says, checked.

    `views` are the model's inputs in order; pixel values become `value * factor + offset`. `spoof` are the output
    columns that mean an attack (their sum is the score), `kinds` name some of them. A score at or over
    `threshold` is an attack, one at or under `live` is bona fide, both in [0, 1]. A column in `decisive` that holds
    0.8 or more of the output is an attack whatever else is said; the score is taken without those columns. The column
    `around`, where there is one, is the probability of an attack for faces whose surroundings can be seen. `slope`
    and `intercept` calibrate the log-odds of the raw score. `reaches` holds error rates by the engines that judge
    together, their names joined by commas.
    """

    views: tuple[View, ...]
    colour: str
    factor: float
    offset: float
    outputs: int
    activation: str
    spoof: tuple[int, ...]
    kinds: Mapping[int, str]
    threshold: float
    live: float
    decisive: tuple[int, ...] = ()
    around: int | None = None
    slope: float = 1.0
    intercept: float = 0.0
    sha256: str | None = None
    reaches: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


SEED_CARD = Card(
    views=(View(size=224, scale=1.0, square=False),), colour="BGR", factor=1.0, offset=0.0, outputs=1,
    activation="probability", spoof=(0,), kinds={}, threshold=0.7, live=0.7,
)  # fmt: skip
"""What holds for a model without a card."""


def card_path(model_file: Path) -> Path:
    """Return the path of the card of `model_file`."""
    return model_file.with_suffix(".json")


def read_card(model_file: Path) -> Card:
    """Read the card beside `model_file`, or return `SEED_CARD` where there is none.

    Raises `Refusal(Code.NO_LIVENESS)` naming the fault where the card is not one.
    """
    path = card_path(model_file)
    if not path.exists():
        return SEED_CARD
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is larger than 1 MiB")
        return parse_card(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as fault:
        reason = f"{type(fault).__name__}: {fault}"
        raise Refusal(Code.NO_LIVENESS, f"the card {path.name} cannot be used: {reason}") from fault


def parse_card(data: Mapping[str, Any]) -> Card:
    """Check a card's content and build the `Card`.

    Raises `ValueError`, `KeyError` or `TypeError` naming the first fault.
    """
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r} is not {FORMAT}")
    given, output = data["input"], data["output"]
    card = Card(
        views=tuple(_view(entry) for entry in given["views"]),
        colour=_one_of(given["colour"], _COLOURS, "colour"),
        factor=_number(given["factor"], "factor"),
        offset=_number(given["offset"], "offset"),
        outputs=_whole(output["count"], "count", 1, 16),
        activation=_one_of(output["activation"], _ACTIVATIONS, "activation"),
        spoof=tuple(_whole(column, "spoof", 0, 15) for column in output["spoof"]),
        kinds={_whole(int(key), "kinds", 0, 15): str(name) for key, name in output.get("kinds", {}).items()},
        threshold=_share(output["threshold"], "threshold"),
        live=_share(output["live"], "live"),
        decisive=tuple(_whole(column, "decisive", 0, 15) for column in output.get("decisive", [])),
        around=_optional_column(output.get("around")),
        slope=_number(output.get("slope", 1.0), "slope"),
        intercept=_number(output.get("intercept", 0.0), "intercept"),
        sha256=_digest(data.get("sha256")),
        reaches={str(engines): _shares(rates) for engines, rates in data.get("reaches", {}).items()},
    )
    _check_columns(card)
    return card


def _view(entry: Mapping[str, Any]) -> View:
    scale = _number(entry["scale"], "scale")
    if not 0.2 <= scale <= 8:
        raise ValueError(f"scale {scale} is not within 0.2 to 8")
    return View(
        size=_whole(entry["size"], "size", 16, 1024),
        scale=scale,
        square=_either(entry.get("square", True), "square"),
        fill=_whole(entry.get("fill", 127), "fill", 0, 255),
        inside=_either(entry.get("inside", False), "inside"),
    )


def _check_columns(card: Card) -> None:
    if not card.views:
        raise ValueError("there is no view")
    if not card.spoof or max((*card.spoof, *card.kinds, *card.decisive)) >= card.outputs:
        raise ValueError("spoof, kinds and decisive want columns that the output has")
    if card.around is not None and (card.around >= card.outputs or card.around in (*card.spoof, *card.decisive)):
        raise ValueError("around is not a column of its own that the output has")
    if len({*card.spoof, *card.decisive}) != len(card.spoof) + len(card.decisive):
        raise ValueError("spoof and decisive name a column twice")
    if card.live > card.threshold:
        raise ValueError("live is above threshold")
    if card.slope <= 0:
        raise ValueError("slope is not above 0")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is not a finite number")
    return float(value)


def _share(value: Any, name: str) -> float:
    number = _number(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} is not within 0 to 1")
    return number


def _either(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is not true or false")
    return value


def _shares(rates: Mapping[str, Any]) -> Mapping[str, float]:
    return {str(name): _share(rate, "reaches") for name, rate in rates.items()}


def _whole(value: Any, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is not a whole number within {least} to {most}")
    return value


def _optional_column(value: Any) -> int | None:
    return None if value is None else _whole(value, "around", 0, 15)


def _one_of(value: Any, accepted: tuple[str, ...], name: str) -> str:
    if value not in accepted:
        raise ValueError(f"{name} is not one of {', '.join(accepted)}")
    return str(value)


def _digest(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 64 or set(value.lower()) - set("0123456789abcdef"):
        raise ValueError("sha256 is not 64 hexadecimal digits")
    return value.lower()
