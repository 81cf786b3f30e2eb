"""The card of a liveness model: how its input is made and how its output is read.

The card is a JSON file beside the model, of the same name with the suffix `.json`. A model without one is read by
the older convention: one 224x224 BGR crop of the face box, pixel values 0 to 255, one output, 0.700 and above is
an attack.
"""

import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from codes_dict import Code, Refusal

FORMAT = 1
_MAX_BYTES = 1 << 20
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Share = Annotated[_Number, Field(ge=0, le=1)]
_Whole = Annotated[int, Field(strict=True)]
_Column = Annotated[_Whole, Field(ge=0, le=15)]


@dataclass(frozen=True)
class View:
    """One input of the model: a square crop around the face.

    The crop's side is `scale` times the longer side of the face's box, or the box itself, stretched, where `square`
    is false. What is outside the photo is filled with the value `fill` (0 to 255); where `inside` is true, the crop
    is shrunk and moved until it is in the photo, so that nothing is filled. `size` is in pixels.
    """

    size: Annotated[_Whole, Field(ge=16, le=1024)]
    scale: Annotated[_Number, Field(ge=0.2, le=8)]
    square: StrictBool = True
    fill: Annotated[_Whole, Field(ge=0, le=255)] = 127
    inside: StrictBool = False


@dataclass(frozen=True)
class Card:
    """What a model's card says, checked: nothing else can be made. Raises `ValueError`.

    `views` are the model's inputs in order; pixel values become `value * factor + offset`. `spoof` are the output
    columns that mean an attack (their sum is the score), `kinds` name some of them. A score at or over
    `threshold` is an attack, one at or under `live` is bona fide, both in [0, 1]. A column in `decisive` that holds
    0.8 or more of the output is an attack whatever else is said; the score is taken without those columns. The column
    `around`, where there is one, is the probability of an attack for faces whose surroundings can be seen. `slope`
    and `intercept` calibrate the log-odds of the raw score. `reaches` holds error rates by the engines that judge
    together, their names joined by commas.
    """

    views: Annotated[tuple[View, ...], Field(min_length=1)]
    colour: Literal["RGB", "BGR"]
    factor: _Number
    offset: _Number
    outputs: Annotated[_Whole, Field(ge=1, le=16)]
    activation: Literal["probability", "logit"]
    spoof: Annotated[tuple[_Column, ...], Field(min_length=1)]
    threshold: _Share
    live: _Share
    kinds: Mapping[Annotated[int, Field(ge=0, le=15)], str] = field(default_factory=dict)
    decisive: tuple[_Column, ...] = ()
    around: _Column | None = None
    slope: Annotated[_Number, Field(gt=0)] = 1.0
    intercept: _Number = 0.0
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$", to_lower=True)] | None = None
    reaches: Mapping[str, Mapping[str, _Share]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what concerns several values."""
        columns = (*self.spoof, *self.decisive)
        if max((*columns, *self.kinds)) >= self.outputs:
            raise ValueError("spoof, kinds and decisive require columns that the output has")
        if self.around is not None and (self.around >= self.outputs or self.around in columns):
            raise ValueError("around is not a column of its own that the output has")
        if len(set(columns)) != len(columns):
            raise ValueError("spoof and decisive name a column twice")
        if self.live > self.threshold:
            raise ValueError("live is above threshold")


SEED_CARD = Card(
    views=(View(size=224, scale=1.0, square=False),), colour="BGR", factor=1.0, offset=0.0, outputs=1,
    activation="probability", spoof=(0,), kinds={}, threshold=0.7, live=0.7,
)  # fmt: skip
"""What holds for a model without a card."""
_CARD = TypeAdapter(Card)


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
    beside = {key: data[key] for key in ("sha256", "reaches") if key in data}
    try:
        return _CARD.validate_python({**data["input"], **data["output"], "outputs": data["output"]["count"], **beside})
    except ValidationError as fault:
        first = fault.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from fault
