"""A stored classifier, checked, loaded and ready to answer."""

import hashlib
import tempfile
import time
from collections.abc import Mapping
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
from pipeline.types import Floats

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
        chances = _outputs(self.run, rows, len(self.version.users))[0]
        seconds = time.perf_counter() - started
        at = self.version.users.index(user)
        return float(np.clip(chances[at] / max(self.rivals[at] @ chances, _LEAST), 0.0, 1.0)), seconds


def _outputs(run: Runner, rows: Floats, users: int) -> Floats:
    """Return the network's outputs for faces, (n, users + 1); raises `Refusal(INTERNAL)` where they are none."""
    outputs = np.asarray(run([rows])[0], np.float32)
    if outputs.shape != (len(rows), users + 1) or not np.isfinite(outputs).all():
        raise Refusal(Code.INTERNAL, f"the classifier gave {outputs.shape} or no numbers")
    return outputs


def _rivals(version: ClassifierVersion, models: tuple[str, ...], run: Runner) -> Floats:
    """Return the outputs that compete with each user's: two users do not if most faces of each are also the other's.

    Somebody who was trained under two names would otherwise be recognised under neither.
    """
    users = len(version.users)
    taken = np.zeros((users, users), bool)  # whether most faces of a user outweigh "unknown" as another one
    for at, faces in enumerate(version.faces.values()):
        outputs = _outputs(run, joined(faces, models), users)
        taken[at] = (outputs[:, :-1] > outputs[:, -1:]).mean(axis=0) > 0.5
    same = taken & taken.T & ~np.eye(users, dtype=bool)
    return np.pad(~same, ((0, 0), (0, 1)), constant_values=True).astype(np.float32)


def load_classifier(version: ClassifierVersion) -> Classifier:
    """Load a stored version through the guarded loader.

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
    models = tuple(version.models)
    return Classifier(version, models, run, _rivals(version, models, run))


def _function(file: Path, accepted: frozenset[str]) -> KerasFunction:
    network = load_network(file, accepted)
    size = int(network.inputs[0].shape[1])
    return KerasFunction(lambda rows: network(rows, training=False), [((size,), np.float32)])
