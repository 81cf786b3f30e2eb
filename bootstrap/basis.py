"""What verdicts rest on, for the audit: models, thresholds, and the settings that decide."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from bootstrap.records import Records
from codes_dict import Refusal
from env_validator import Settings
from pipeline.ports import AuditEvent
from pipeline.types import Embedder, Scorer
from security.audit import digest_of

_log = logging.getLogger(__name__)

_DECIDING = (
    "sim_func", "ver_tol", "ver_tol_aug", "num_aug", "ver_fmr", "search_fpir", "score_tol", "liveness_engines",
    "tight_faces", "enrol_liveness", "enrol_min_photos", "replay_policy", "require_challenge", "challenge_actions",
    "duplicate_policy", "allow_skip_liveness", "hide_unknown",
)  # fmt: skip
_PEOPLE = 1000
"""The size of the gallery for which the search threshold is noted: it depends on the size."""


def basis_of(settings: Settings, embedders: Mapping[str, Embedder], scorer: Scorer) -> dict[str, Any]:
    """Return the versions of the models, the thresholds, and the settings that decide; its hash is in every entry."""
    photos = settings.ver_tol
    return {
        "models": {name: embedder.version for name, embedder in embedders.items()},
        "liveness_model": _sha256(settings),
        "thresholds": {
            "verify": scorer.threshold(photos, photos),
            "verify_found": scorer.found_threshold(photos, photos),
            "search": scorer.search_threshold(_PEOPLE, photos),
            "mismatch": scorer.mismatch_threshold,
            "rival": scorer.rival_margin,
            "addition": scorer.addition_threshold,
        },
        "settings": {name: str(getattr(settings, name)) for name in _DECIDING},
    }


def note_settings(records: Records, basis: Mapping[str, Any], settings: Settings, before: Settings | None) -> None:
    """Record that these settings count from now on, and which keys differ from the former ones; no values of others."""
    known = type(settings).model_fields if before else ()
    changed = [name.upper() for name in known if getattr(before, name) != getattr(settings, name)]
    about = {"basis": digest_of(basis), **basis, "changed": changed}
    try:
        records.audit.record(AuditEvent("settings", about=about))
    except Refusal as refusal:  # the server has to start without its database
        _log.warning("the settings were not recorded in the audit: %s", refusal)


def _sha256(settings: Settings) -> str:
    try:
        return hashlib.sha256((settings.model_path / settings.model_name).read_bytes()).hexdigest()
    except OSError:
        return ""
