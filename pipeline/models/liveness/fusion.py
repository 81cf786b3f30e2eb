"""One score from both engines, by weights that the card carries."""

from __future__ import annotations

import numpy as np

from pipeline.models.liveness.card import Fusion
from pipeline.models.liveness.cnn import log_odds
from pipeline.models.liveness.fasnet import LIVE, FasnetScores
from pipeline.types import Floats

READINGS = ("cnn", "plain 2.7", "plain 4.0", "bare 4.0")
"""What is weighed, in the order of a card's weights: log-odds of an attack."""
_LIMIT = 3.0
"""No single reading speaks louder than 20 to 1: networks are surest where they know least."""


def readings(cnn_attack: Floats, fasnet: FasnetScores) -> Floats:
    """Return each engine's readings as log-odds of an attack, cut off at +-3: float32 (faces, 4)."""
    attack = 1 - np.concatenate([fasnet.plain[:, :, LIVE], fasnet.bare[:, LIVE, None]], axis=1)
    joined = np.concatenate([cnn_attack[:, None], attack], axis=1)
    return np.asarray(np.clip(log_odds(joined), -_LIMIT, _LIMIT), dtype=np.float32)


def openness(fusion: Fusion, reach: Floats) -> Floats:
    """Return 0 where the face fills its photo, 1 where all the surroundings are there, else between: (faces,)."""
    share = (reach - fusion.tight_at) / (fusion.full_at - fusion.tight_at)
    return np.asarray(np.clip(share, 0, 1), dtype=np.float32)


def fused_scores(fusion: Fusion, cnn_attack: Floats, fasnet: FasnetScores, reach: Floats) -> Floats:
    """Return the fused probability of an attack (faces,).

    Two linear rules on log-odds, one for faces with surroundings and one for faces without, blended by how far the
    photo reaches around the face (`reach`: its side over the box's).
    """
    rows, share = readings(cnn_attack, fasnet), openness(fusion, reach)
    full = rows @ np.array(fusion.weights, np.float32) + fusion.intercept
    tight = rows @ np.array(fusion.tight_weights, np.float32) + fusion.tight_intercept
    odds = share * full + (1 - share) * tight
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)
