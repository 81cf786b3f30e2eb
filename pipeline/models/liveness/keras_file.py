"""Checks a Keras model file before anything of it is built, and loads it.

A model file can carry code: a Lambda layer holds marshalled Python, and a layer of a foreign module imports that
module. So the file's SHA-256 must be known, and every class that its configuration names must be on a list.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codes_dict import Code, Refusal
from pipeline.models.weights import sha256_of

MAX_BYTES = 1 << 30
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"

# fmt: off
LAYERS = frozenset((
    "Functional", "Model", "Sequential", "InputLayer", "Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D",
    "SeparableConv2D", "Dense", "BatchNormalization", "LayerNormalization", "GroupNormalization",
    "UnitNormalization", "Rescaling", "Normalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax",
    "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "ZeroPadding2D",
    "Cropping2D", "UpSampling2D", "Resizing", "Flatten", "Reshape", "Permute", "RepeatVector", "Dropout",
    "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Concatenate", "Add", "Subtract", "Multiply", "Average",
    "Maximum", "Minimum", "Dot",
))
"""Layers that compute and nothing else."""

HELPERS = frozenset((
    "Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
    "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal",
    "Identity", "OrthogonalInitializer", "L1", "L2", "L1L2", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm",
    "DTypePolicy", "Policy", "__tuple__",
))
"""Initializers, regularizers, constraints and dtype policies; they play no part in a prediction."""

_MODULES = (
    "keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints",
    "keras.src.models.functional", "keras.src.models.sequential", "builtins",
)
# fmt: on


def load_network(path: Path, accepted: frozenset[str]) -> Any:
    """Load the Keras model in `path` (`.h5` or `.keras`) if `check_network` finds nothing against it."""
    check_network(path, accepted)
    import keras

    try:
        return keras.saving.load_model(str(path), compile=False, safe_mode=True)
    except Exception as fault:
        raise _refuse(path, f"it does not load ({type(fault).__name__})") from fault


def check_network(path: Path, accepted: frozenset[str]) -> str:
    """Return the file's SHA-256 if it is one of `accepted` and every class in the file is allowed.

    Raises `Refusal(Code.NO_LIVENESS)`, whose detail names the cause: the file is missing, empty, not a Keras file,
    truncated, of an unknown hash (given in the detail so that it can be pinned), or names a class that is not allowed.
    """
    kind = _kind(path)
    digest = sha256_of(path)
    if digest not in accepted:
        raise _refuse(path, f"its SHA-256 is {digest}, which neither the card nor MODEL_SHA256 names")
    config = _read_config(path, kind)
    forbidden = sorted(set(_forbidden(config)))
    if forbidden:
        raise _refuse(path, f"it names classes that are not allowed: {', '.join(forbidden)[:300]}")
    return digest


def _refuse(path: Path, why: str) -> Refusal:
    return Refusal(Code.NO_LIVENESS, f"{path.name}: {why}")


def _kind(path: Path) -> str:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as fault:
        raise _refuse(path, "there is no such file") from fault
    except OSError as fault:
        raise _refuse(path, f"it cannot be read ({type(fault).__name__})") from fault
    if not 0 < size <= MAX_BYTES:
        raise _refuse(path, f"it has {size} bytes; 1 to {MAX_BYTES} are accepted")
    if head.startswith(_HDF5):
        return "h5"
    if head.startswith(_ZIP):
        return "keras"
    if head.lstrip().startswith(b"<"):
        raise _refuse(path, "it is a web page, not a model; MODEL_URL may not be a direct link")
    raise _refuse(path, "it is neither HDF5 nor a Keras archive")


def _read_config(path: Path, kind: str) -> Any:
    try:
        text = _config_of_h5(path) if kind == "h5" else _config_of_archive(path)
        return json.loads(text)
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as fault:
        raise _refuse(path, f"it is truncated or holds no model_config ({type(fault).__name__})") from fault


def _config_of_h5(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        config = file.attrs["model_config"]
    return config.decode("utf-8") if isinstance(config, bytes) else str(config)


def _config_of_archive(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > 1 << 24:
            raise ValueError("config.json is too large")
        return archive.read("config.json").decode("utf-8")


def _forbidden(config: Any) -> Iterator[str]:
    """Yield every class of a model's configuration that is not allowed, however deeply it is nested."""
    if isinstance(config, dict):
        name = config.get("class_name")
        if name is not None and not _allowed(config):
            module = config.get("module")
            yield f"{module}.{name}" if module else str(name)
        for value in config.values():
            yield from _forbidden(value)
    elif isinstance(config, list):
        for value in config:
            yield from _forbidden(value)


def _allowed(entry: dict[str, Any]) -> bool:
    name, module = entry["class_name"], entry.get("module")
    tensor = name == "__keras_tensor__"
    if module is not None and module not in _MODULES:
        return False
    if entry.get("registered_name") not in (None, name):
        return False
    return tensor or (isinstance(name, str) and name in LAYERS | HELPERS)
