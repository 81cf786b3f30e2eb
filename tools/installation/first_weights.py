"""MobileFaceNet's weights at the first start: from a mirror or their publisher, within seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from tools.installation.first_settings import FirstChoice

MODEL = "MobileFaceNet"
LIMIT_S = 10.0


def fetch_mobilefacenet(root: Path, choice: FirstChoice, say: Callable[[str], None]) -> str:
    """Return why the weights are not available, empty if they are.

    A mirror folder is searched by SHA-256. Nothing else is tried if downloads are not allowed.
    """
    weights = REGISTRY[MODEL].weights
    store = WeightStore(root / "bin" / "model" / "weights", choice.mirror)
    if store.find(weights.file, weights.sha256):
        return ""
    if not choice.fetch:
        return "FETCH_MODELS is false"
    say(f"Fetching {MODEL} (4 MB, {weights.licence}), {LIMIT_S:.0f} s at most")
    return store.fetch_within([weights], LIMIT_S).get(weights.file, "")
