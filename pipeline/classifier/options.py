"""What a caller may choose about a training, with bounds within which no choice does harm."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from codes_dict import Code, Refusal


@dataclass(frozen=True)
class Options:
    """Hyper-parameters. The defaults need no thought."""

    epochs: int = 15
    batch_size: int = 256
    learning_rate: float = 0.01
    hidden_units: int = 0
    dropout: float = 0.0
    l2: float = 0.01


BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "epochs": (1, 100),
        "batch_size": (32, 1024),
        "learning_rate": (1e-4, 0.1),
        "hidden_units": (0, 256),
        "dropout": (0.0, 0.5),
        "l2": (0.0, 0.1),
    }
)
"""The lowest and the highest value of each field, both included. Epochs times units bound a training to a minute."""


def chosen(sent: Mapping[str, object]) -> Options:
    """Return the options among the fields of a request; refuses with VALUE_REFUSED what is out of bounds."""
    usual = asdict(Options())
    values: dict[str, Any] = {
        name: _number(name, sent[name], isinstance(usual[name], int)) for name in usual if name in sent
    }
    return Options(**values)


def _number(name: str, sent: object, is_whole: bool) -> int | float:
    low, high = BOUNDS[name]
    try:
        value = float(sent) if isinstance(sent, str | int | float) and not isinstance(sent, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not low <= value <= high or (is_whole and value != int(value)):
        kind = "a whole number" if is_whole else "a number"
        raise Refusal(Code.VALUE_REFUSED, advice=f"{name} is {kind} from {low:g} to {high:g}.", field=name)
    return int(value) if is_whole else value
