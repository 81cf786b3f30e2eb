"""One score from several engines: a sum of their log-odds of an attack.

The weights are set by hand. Fitted ones follow the cameras that they are fitted on: a rule that let a confident network
of our own outvote the others passed most replays of cameras it had not seen (docs/liveness.md has the figures).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pipeline.models.liveness.cnn import blended, log_odds
from pipeline.models.liveness.fasnet import LIVE, FasnetScores
from pipeline.types import Floats

LOUDEST, TIGHT_LOUDEST = 6.0, 3.0
"""How far one engine's log-odds reach, for open and for tight faces: networks are surest where they know least."""
WEIGHTS: Mapping[str, float] = MappingProxyType({"cnn": 0.5, "fasnet": 1.0, "facenox": 1.0})
"""What an engine's log-odds count for where the photo shows the face's surroundings; Fasnet's are the mean of two."""
ATTACK_ABOVE: Mapping[frozenset[str], float] = MappingProxyType(
    {
        frozenset({"cnn", "fasnet", "facenox"}): -1.0,
        frozenset({"cnn", "fasnet"}): 1.0,
        frozenset({"fasnet", "facenox"}): -1.0,
        frozenset({"cnn", "facenox"}): 1.5,
    }
)
"""The weighted sum above which a face counts as an attack, by the engines that judge.

Each rejects 2.5 to 4 % of portraits, but for the last, which rejects 1 %: that pair rejects webcams' faces long before
it does portraits.
"""
REACHES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "fasnet": {"portraits_rejected": 0.118, "bona_fide_frames_rejected": 0.0, "replayed_frames_accepted": 0.0},
        "facenox": {"portraits_rejected": 0.028, "bona_fide_frames_rejected": 0.407, "replayed_frames_accepted": 0.0},
        "fasnet,facenox": {
            "portraits_rejected": 0.039, "bona_fide_frames_rejected": 0.049, "replayed_frames_accepted": 0.0,
        },
    }
)  # fmt: skip
"""What the engines of others reach without the own network, which says so of itself in its card (docs/liveness.md)."""
BARE_WEIGHT, TIGHT_INTERCEPT = 0.4, 0.6
"""For tight faces: how much Fasnet's reading of the face on black counts beside our own network's, and the offset."""


def fused_scores(cnn: Floats | None, fasnet: FasnetScores | None, facenox: Floats | None, reach: Floats) -> Floats:
    """Return the probability of an attack (faces,), shifted so that 0.5 is where a face starts to count as one.

    `cnn` is our own network's probability of an attack and `facenox` log-odds of one, (faces,) each; `reach` is the
    photo's side over the box's. Open and tight faces have rules of their own, blended between both.
    """
    odds = _open_odds(cnn, fasnet, facenox)
    if cnn is not None:
        odds = blended(odds, _tight_odds(cnn, fasnet), reach)
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def _open_odds(cnn: Floats | None, fasnet: FasnetScores | None, facenox: Floats | None) -> Floats:
    odds: dict[str, Floats] = {}
    if cnn is not None:
        odds["cnn"] = log_odds(cnn)
    if fasnet is not None:
        odds["fasnet"] = np.clip(log_odds(1 - fasnet.plain[:, :, LIVE]), -LOUDEST, LOUDEST).mean(axis=1)
    if facenox is not None:
        odds["facenox"] = facenox
    parts = [WEIGHTS[name] * np.clip(values, -LOUDEST, LOUDEST) for name, values in odds.items()]
    return np.asarray(np.sum(parts, axis=0) - ATTACK_ABOVE[frozenset(odds)], dtype=np.float32)


def _tight_odds(cnn: Floats, fasnet: FasnetScores | None) -> Floats:
    """Weigh what sees the face alone: our own network and, at less than half its weight, Fasnet's reading on black."""
    odds = np.clip(log_odds(cnn), -TIGHT_LOUDEST, TIGHT_LOUDEST)
    if fasnet is not None:
        bare = np.clip(log_odds(1 - fasnet.bare[:, LIVE]), -TIGHT_LOUDEST, TIGHT_LOUDEST)
        odds = np.asarray(odds + BARE_WEIGHT * bare + TIGHT_INTERCEPT, dtype=np.float32)
    return np.asarray(odds, dtype=np.float32)
