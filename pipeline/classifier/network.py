"""A stored classifier, checked, loaded and ready to answer."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codes_dict import Code, Refusal
from pipeline.classifier.strangers import joined
from pipeline.classifier.worker import COMPILED, NETWORK
from pipeline.models.keras_network import KerasFunction, keras_runner
from pipeline.models.liveness.keras_file import check_network, load_network
from pipeline.models.runtime import Runner
from pipeline.ports import ClassifierVersion
from pipeline.types import Bools, EnrolledFaces, Floats

SamePeople = Callable[[Sequence[EnrolledFaces]], Bools]
"""Tells which of n people are the same person: (n, n)."""
_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Classifier:
    """A loaded version: who its users are, and which models' embeddings it takes, in order. Safe to call from threads.

    The last output column is "unknown". `rivals`, (users, users + 1) of 0 and 1, has the outputs of which a user's
    chance is a share: all but those of users who are the same person under another name.
    """

    version: ClassifierVersion
    models: tuple[str, ...]
    run: Runner
    rivals: Floats

    def chance(self, embeddings: Mapping[str, Floats], user: str) -> tuple[float, float]:
        """Return how likely a face is this user, 0 to 1, and the seconds that the network took.

        `embeddings` are one face's raw ones, (size,) per model. Raises `Refusal(INTERNAL)` where the network's output
        is none.
        """
        rows = joined({name: embeddings[name][np.newaxis] for name in self.models}, self.models)
        started = time.perf_counter()
        chances = np.asarray(self.run([rows])[0], np.float32)
        seconds = time.perf_counter() - started
        if chances.shape != (1, len(self.version.users) + 1) or not np.isfinite(chances).all():
            raise Refusal(Code.INTERNAL, f"the classifier gave {chances.shape} or no numbers")
        at = self.version.users.index(user)
        return float(np.clip(chances[0, at] / max(self.rivals[at] @ chances[0], _LEAST), 0.0, 1.0)), seconds


def all_different(people: Sequence[EnrolledFaces]) -> Bools:
    """Tell that no two of n people are the same person, (n, n)."""
    return np.eye(len(people), dtype=bool)


def load_classifier(version: ClassifierVersion, same_people: SamePeople) -> Classifier:
    """Load a stored version through the guarded loader; users who are the same person do not compete.

    The Keras file has to be the one of its card and to name no class but those allowed; the converted network counts
    only if it is the one that was made with it, else the Keras file is loaded and converted again. Raises
    `Refusal(INTERNAL)` with what is wrong.
    """
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in version.files.items()}
    if digests.get(NETWORK) != version.digests.get(NETWORK):
        raise Refusal(Code.INTERNAL, f"classifier {version.number}: the network is not the one of its card")
    accepted = frozenset({digests[NETWORK]})
    with tempfile.TemporaryDirectory(prefix="faceapp-") as place:
        folder = Path(place)
        for name in (NETWORK, *COMPILED):
            if name in digests and digests[name] == version.digests.get(name):
                (folder / name).write_bytes(version.files[name])
        try:
            check_network(folder / NETWORK, accepted)
            run = keras_runner(lambda: _function(folder / NETWORK, accepted), folder / COMPILED[0], -0.3, 0.3)
        except Refusal as refusal:
            raise Refusal(Code.INTERNAL, f"classifier {version.number}: {refusal.detail}") from refusal
    others = np.eye(len(version.users), dtype=bool) | ~same_people(list(version.faces.values()))
    rivals = np.pad(others, ((0, 0), (0, 1)), constant_values=True).astype(np.float32)
    return Classifier(version, tuple(version.models), run, rivals)


def _function(file: Path, accepted: frozenset[str]) -> KerasFunction:
    network = load_network(file, accepted)
    size = int(network.inputs[0].shape[1])
    return KerasFunction(lambda rows: network(rows, training=False), [((size,), np.float32)])
