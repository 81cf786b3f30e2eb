"""The process that trains: takes what to learn on its standard input, answers on its standard output.

Both sides send a line of JSON and then as many bytes as it says. Nothing that comes is executed, and nothing of it
touches the disk but the network, in a folder that is removed.
"""

import importlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipeline.classifier.fitting import HIDDEN_L2, Layers
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.models.runtime import OpenVinoRunner

NICENESS = 10
NETWORK, COMPILED = "network.h5", ("network.xml", "network.bin")
"""The Keras file, and the same network as OpenVINO reads it, which spares the server TensorFlow."""
_UNUSED = ("tensorflow", "pandas", "matplotlib")
"""What Keras would import, for seconds, where it can be imported, and not use here."""
TOLERANCE = 1e-4
"""The largest difference of a chance, 0 to 1, between what was fitted and what is saved."""


def main() -> int:
    """Train as often as asked; end with the input."""
    os.nice(NICENESS)
    os.environ["KERAS_BACKEND"] = "openvino"
    sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]  # None: it cannot be imported
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no reply
    importlib.import_module("keras")  # while the server looks at the faces
    send(replies, {"ready": True})
    while (asked := receive(sys.stdin.buffer)) is not None:
        _answer(*asked, replies)
    return 0


def _answer(asked: Mapping[str, Any], data: bytes, replies: IO[bytes]) -> None:
    from pipeline.classifier.build import train

    with np.load(io.BytesIO(data), allow_pickle=False) as sent:
        users = np.split(sent["rows"], np.cumsum(sent["counts"])[:-1])
        statistics = [sent[name].tobytes() for name in ("mean", "total", "within")]
    strangers = _strangers(tuple(asked["sizes"].items()), float(asked["deviations"]), *statistics)

    def progress(share: float) -> None:
        send(replies, {"progress": share})

    options = Options(**asked["options"])
    layers, validation = train(users, strangers, options, int(asked["seed"]), progress)
    files = _saved(layers, options)
    sizes = {name: len(content) for name, content in files.items()}
    send(replies, {"done": asdict(validation), "files": sizes}, b"".join(files.values()))


@lru_cache(maxsize=2)
def _strangers(
    sizes: tuple[tuple[str, int], ...], deviations: float, mean: bytes, total: bytes, within: bytes
) -> Strangers:
    """Return the statistics; the same ones are one object, with which goes what was drawn of it."""
    read = [np.frombuffer(data, np.float32) for data in (mean, total, within)]
    size = len(read[0])
    return Strangers({}, dict(sizes), read[0], read[1].reshape(size, size), read[2].reshape(size, size), deviations)


def _saved(layers: Layers, options: Options) -> dict[str, bytes]:
    """Return the network's files. Raises `ValueError` where it computes something else than what was fitted."""
    with tempfile.TemporaryDirectory(prefix="faceapp-") as place:
        folder = Path(place)
        network = _network(layers, options)
        network.save(folder / NETWORK, include_optimizer=False)
        network.export(str(folder / COMPILED[0]), format="openvino", verbose=False)
        rows = np.random.default_rng(0).uniform(-0.3, 0.3, (8, len(layers.mean))).astype(np.float32)
        outputs = layers.logits(rows)
        fitted = np.exp(outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True))
        if not np.abs(OpenVinoRunner(folder / COMPILED[0])([rows])[0] - fitted).max() <= TOLERANCE:
            raise ValueError("Keras's network is not the one that was fitted")
        return {name: (folder / name).read_bytes() for name in (NETWORK, *COMPILED)}


def _network(layers: Layers, options: Options) -> Any:
    """Return it as a Keras model, of layers that the guarded loader allows."""
    from keras import Model
    from keras.layers import BatchNormalization, Dense, Dropout, Input, Softmax
    from keras.regularizers import L2

    stack = [BatchNormalization(trainable=False, epsilon=0.0, scale=False, center=False, name="scale")]
    stack += [Dense(units, "relu", kernel_regularizer=L2(HIDDEN_L2)) for units in (options.hidden_units,) if units]
    stack += [Dropout(options.dropout)] if options.dropout else []
    stack += [Dense(len(layers.dense[-1]), kernel_regularizer=L2(options.l2), name="classes"), Softmax(name="chance")]
    given = tensor = Input((len(layers.mean),), name="embeddings")
    for layer in stack:
        tensor = layer(tensor)
    network = Model(given, tensor, name="facehash")
    network.set_weights([layers.mean, layers.variance, *layers.dense])
    return network


def send(stream: IO[bytes], message: Mapping[str, Any], data: bytes = b"") -> None:
    """Send a message and the bytes that belong to it."""
    stream.write(json.dumps({**message, "length": len(data)}).encode() + b"\n" + data)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message and its bytes; None where the other side has ended. Raises `ValueError` for nonsense."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    data = stream.read(int(message.pop("length")))
    return message, data


if __name__ == "__main__":
    sys.exit(main())
