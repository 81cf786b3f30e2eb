"""The process that trains: `python -m pipeline.classifier.worker DESCRIPTOR`, until the server's end closes.

Nothing that comes is executed, and nothing of it touches the disk but the network, in a folder that is removed.
"""

import io
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifier.fitting import Layers, network_of
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.models.keras_network import KerasFunction, keras_runner
from pipeline.models.wire import WireError, receive, receive_bytes, send

NICENESS = 10
NETWORK, COMPILED = "network.h5", ("network.xml", "network.bin")
"""The Keras file, and the same network as OpenVINO reads it, which spares the server TensorFlow."""


def main(descriptor: int) -> None:
    """Train as often as asked."""
    os.nice(NICENESS)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    _use_one_thread()  # which loads TensorFlow, while the server looks at the faces
    with socket.socket(fileno=descriptor) as server, suppress(WireError, OSError):
        while True:
            asked, _ = receive(server)
            _answer(asked, receive_bytes(server, asked["length"]), server)


def _use_one_thread() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _answer(asked: Mapping[str, Any], data: bytes, server: socket.socket) -> None:
    from pipeline.classifier.build import train

    with np.load(io.BytesIO(data), allow_pickle=False) as sent:
        users = np.split(sent["rows"], np.cumsum(sent["counts"])[:-1])
        statistics = [sent[name].tobytes() for name in ("mean", "total", "within")]
    strangers = _strangers(tuple(asked["sizes"].items()), float(asked["deviations"]), *statistics)

    def progress(share: float) -> None:
        send(server, {"progress": share})

    options = Options(**asked["options"])
    layers, validation = train(users, strangers, options, int(asked["seed"]), progress)
    files = _saved(layers, options)
    sizes = {name: len(content) for name, content in files.items()}
    send(server, {"done": asdict(validation), "files": sizes}, b"".join(files.values()))


@lru_cache(maxsize=2)
def _strangers(
    sizes: tuple[tuple[str, int], ...], deviations: float, mean: bytes, total: bytes, within: bytes
) -> Strangers:
    """Return the statistics; the same ones are one object, with which goes what was drawn of it."""
    read = [np.frombuffer(data, np.float32) for data in (mean, total, within)]
    size = len(read[0])
    return Strangers({}, dict(sizes), read[0], read[1].reshape(size, size), read[2].reshape(size, size), deviations)


def _saved(layers: Layers, options: Options) -> dict[str, bytes]:
    """Return the network's files: Keras's, and the converted one where it gives the same outputs."""
    size = len(layers.mean)
    network = network_of(size, len(layers.dense[-1]), options)
    network.set_weights([layers.mean, layers.variance, *layers.dense])
    function = KerasFunction(lambda rows: network(rows, training=False), [((size,), np.float32)])
    with tempfile.TemporaryDirectory(prefix="faceapp-") as place:
        folder = Path(place)
        network.save(folder / NETWORK, include_optimizer=False)
        keras_runner(lambda: function, folder / COMPILED[0], -0.3, 0.3)
        names = (NETWORK, *COMPILED)
        return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


if __name__ == "__main__":
    main(int(sys.argv[1]))
