"""The settings that the flows read. The server's `Settings` are handed in as they are."""

from typing import Any, Protocol, cast


class Policy(Protocol):
    """What the operator decides. Each name is a key of `.env` in lower case, as docs/settings.md explains it."""

    id_regex: str
    score_tol: float
    num_aug: int
    ver_tol: int
    ver_tol_aug: int
    sim_func: str
    target_width: int
    target_height: int
    allow_skip_liveness: str
    enrol_liveness: str
    tight_faces: str
    enrol_min_photos: int
    replay_policy: str
    require_challenge: bool
    challenge_actions: tuple[str, ...]
    duplicate_policy: str
    compreface_recognize: str
    liveness_for_compreface: str
    dev_api: bool
    max_image_mb: int
    max_pixels: int


class _Changed:
    def __init__(self, policy: Policy, changes: dict[str, Any]) -> None:
        self._policy, self._changes = policy, changes

    def __getattr__(self, name: str) -> Any:
        return self._changes[name] if name in self._changes else getattr(self._policy, name)


def changed(policy: Policy, **changes: Any) -> Policy:
    """Return the policy with other values for some settings."""
    return cast(Policy, _Changed(policy, changes))
