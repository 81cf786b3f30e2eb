"""Single models: sixteen faces through a recognition network, ten photos through the detector."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from pipeline.models.embedders import load_embedder
from pipeline.registry import REGISTRY
from pipeline.stages.align import aligned, crop_face
from pipeline.types import Crop, Photo
from tools.benchmark import roofline
from tools.benchmark.bench import Bench
from tools.benchmark.measure import Result, compare
from tools.benchmark.photos import of_sizes, package_photos

FACES = 16
SIDES = (640, 800, 1000, 1200, 1300, 1500, 1700, 1900, 2100, 2300)


def dlib_16(bench: Bench) -> Sequence[Result]:
    """Sixteen faces with dlib's weights: ours, from crop to embedding, and dlib-bin on chips that are cut.

    The goal is what OpenVINO reaches: twenty times as fast with AVX-512, twenty-five times where both lack it.
    """
    import dlib

    ours = load_embedder(REGISTRY["Dlib"], bench.weights)
    crops = _crops()
    network = dlib.face_recognition_model_v1(str(bench.dlib_file))
    chips = np.stack([aligned(crop, REGISTRY["Dlib"]) for crop in crops])
    reach = 1 / 20 if roofline.has_avx512() else 1 / 25

    def peer() -> None:
        network.compute_face_descriptor(list(chips))

    note = f"{FACES} faces, alignment included"
    work = partial(ours.one_side, crops)
    return [compare("dlib_16", work, peer, reach, note, bench.rounds, bench.dlib_s(FACES))]


def facenet_16(bench: Bench) -> Sequence[Result]:
    """Sixteen faces through Facenet's architecture with random weights, against DeepFace one face at a time."""
    from deepface.models.facial_recognition.tf import Facenet

    return [_keras(bench, "Facenet", lambda: Facenet.InceptionResNetV1(dimension=128), 1 / 10)]


def arcface_16(bench: Bench) -> Sequence[Result]:
    """The same for ArcFace's architecture."""
    return [_keras(bench, "ArcFace", _arcface, 1 / 5)]


def _arcface() -> Any:
    import tensorflow as tf
    from deepface.models.facial_recognition.tf import ArcFace

    base = ArcFace.ResNet34()
    flat = tf.keras.layers.Dropout(0.4)(tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=2e-5)(base.output))
    dense = tf.keras.layers.Dense(512, kernel_initializer="glorot_normal")(tf.keras.layers.Flatten()(flat))
    output = tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=2e-5, scale=True)(dense)
    return tf.keras.Model(base.input, output)


def _keras(bench: Bench, name: str, build: Any, reach: float) -> Result:
    from pipeline.models.zoo import load_network

    spec = REGISTRY[name]
    model = build()
    file = bench.folder / spec.file  # the name tells Keras the form of the file
    model.save_weights(str(file))
    ours = load_network(spec, file, bench.folder / f"{name}.xml")
    width, height = spec.input_size
    faces = np.random.default_rng(0).integers(0, 256, (FACES, height, width, 3), dtype=np.uint8)
    given = (faces[..., ::-1] / 255).astype(np.float32)

    def peer() -> None:
        for face in given:
            model(face[np.newaxis], training=False).numpy()[0].tolist()

    bare = roofline.arithmetic_s(FACES * _keras_flops(model))
    note = f"random weights, {FACES} faces; DeepFace's forward, one face at a time"
    return compare(f"{name.lower()}_16", lambda: ours([faces]), peer, reach, note, bench.rounds, bare)


def _keras_flops(model: Any) -> float:
    """Return the operations of a Keras network's convolutions and dense layers for one face."""
    total = 0.0
    for layer in model.layers:
        kernel = next((w for w in layer.weights if w.name.split("/")[-1].startswith("kernel")), None)
        if kernel is not None:
            places = np.prod([side for side in tuple(layer.output.shape)[1:-1] if side]) if layer.output.shape else 1
            total += 2.0 * float(places) * float(np.prod(kernel.shape))
    return total


def mtcnn_10(bench: Bench) -> Sequence[Result]:
    """Ten photos of 640 to 2,300 pixels, against the package `mtcnn` one by one."""
    from mtcnn import MTCNN

    from pipeline.models.mtcnn import MtcnnDetector

    photos = of_sizes(bench.data, SIDES)
    ours, package = MtcnnDetector(), MTCNN()

    def peer() -> None:
        for photo in photos:
            package.detect_faces(photo)

    note, bare = f"ten photos of {SIDES[0]} to {SIDES[-1]} pixels", roofline.detection_s(photos)
    return [compare("mtcnn_10", lambda: ours.detect(photos), peer, 1 / 5, note, bench.rounds, bare)]


def _crops() -> list[Crop]:
    """Return sixteen crops of two people, as our detector finds them."""
    from pipeline.models.mtcnn import MtcnnDetector

    photos = [Photo(f"{number}", pixels, f"{number}") for number, pixels in enumerate(package_photos())]
    found = MtcnnDetector().detect([photo.pixels for photo in photos])
    two = [crop_face(photo, faces[0]) for photo, faces in zip(photos, found, strict=True)]
    return two * (FACES // 2)
