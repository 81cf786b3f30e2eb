"""Active liveness: a challenge is given here, answered by an upload, and judged when that upload is verified."""

import random

from codes_dict import Code, Outcome
from pipeline.flows.services import Services
from pipeline.stages.challenge import LIFETIME_S, draw_actions
from pipeline.stages.identity import check_id

_HOW = (
    "Take frames while you look straight ahead with a calm face, then do each action, "
    "looking straight ahead with a calm face before every one."
)


def challenge(person_id: str, services: Services) -> Outcome:
    """Give an ID a challenge. Refuses with ID_NOT_MATCHED and DB_DOWN."""
    check_id(person_id, services.policy.id_regex)
    actions = draw_actions(random.SystemRandom(), services.policy.challenge_actions)
    nonce = services.challenges.issue(person_id, actions)
    results = {
        "id": person_id,
        "challenge": nonce,
        "actions": list(actions),
        "expires_in_s": LIFETIME_S,
        "instructions": _HOW,
    }
    return Outcome(Code.DONE, results)
