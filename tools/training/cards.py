"""Writes a model file and its card, so that both appear whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.liveness.card import FORMAT, Card, card_path, parse_card
from pipeline.models.weights import sha256_of
from tools.training.network import COLOUR, COLUMNS, FACTOR, OFFSET, VIEWS

CARD = Card(
    views=VIEWS,
    colour=COLOUR,
    factor=FACTOR,
    offset=OFFSET,
    outputs=len(COLUMNS),
    activation="probability",
    spoof=(1, 2),
    kinds={column: COLUMNS[column] for column in (1, 2, 3)},
    decisive=(3,),
    around=COLUMNS.index("around"),
    threshold=0.6,
    live=0.5,
)
"""How the network of `network.assemble` is read, before calibration."""


_TOLERANCE = 1e-4


def save_model(network: Any, card: Card, story: Mapping[str, Any], path: Path) -> Card:
    """Save the network as `path` (`.h5`) and its card beside it; return the card with the file's SHA-256.

    `story` is what people want to know: how the model was made, what it reaches, what it does not cover. Raises
    `ValueError` where the saved file gives other outputs than the network: HDF5 keeps not every layer's settings.
    """
    part = path.with_name(f"{path.stem}.part.h5")
    network.save(part, include_optimizer=False)
    _check_saved(network, part)
    signed = replace(card, sha256=sha256_of(part))
    said = asdict(signed)
    del said["reaches"]  # the story tells them
    head = {"format": FORMAT, "sha256": said.pop("sha256")}
    given = {name: said.pop(name) for name in ("views", "colour", "factor", "offset")}
    output = {"count": said.pop("outputs"), **said}
    text = json.dumps({**head, "input": given, "output": output, **story}, indent=2) + "\n"
    parse_card(json.loads(text))
    part.replace(path)
    card_path(path).write_text(text, encoding="utf-8")
    return signed


def _check_saved(network: Any, path: Path) -> None:
    import keras

    rng = np.random.default_rng(0)
    views = [rng.uniform(0, 255, (4, *given.shape[1:])).astype(np.float32) for given in network.inputs]
    saved = keras.saving.load_model(path, compile=False)
    if not np.allclose(network(views, training=False), saved(views, training=False), atol=_TOLERANCE):
        raise ValueError(f"{path.name} gives other outputs than the network that was saved")
