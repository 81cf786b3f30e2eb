"""The process that is killed: `python -m tools.chaos.worker FOLDER SEED` enrols and forgets until then.

Before each step it prints what it begins, after it that it is done: what the other side of a pipe has read was
acknowledged.
"""

import json
import random
import sys
from pathlib import Path

from tools.chaos.store import ChaosStore

PEOPLE = ("A-1", "A-2", "B")


def main(folder: Path, seed: int) -> None:
    """Work without end."""
    store, draw = ChaosStore(folder), random.Random(seed)
    store.restart()
    say({"ready": True})
    while True:
        person_id = draw.choice(PEOPLE)
        photos = draw.choice((0, 1, 2))
        in_place = draw.random() < 0.5
        kind = "enrol" if photos else "forget"
        say({"begins": person_id, "kind": kind, "photos": photos, "in_place": in_place})
        if photos:
            store.enrol(person_id, photos, in_place)
        else:
            store.forgetting.forget(person_id)
        say({"done": person_id})


def say(what: dict[str, object]) -> None:
    """Print a line at once."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
