"""Reads pickled dictionaries of names and embeddings, such as `embds_dict_ad.pkl`, without executing anything of them.

Such a file holds NumPy arrays, which a pickle rebuilds by calling functions. Here every function that it may name is
one of this module's stand-ins, which only keep what they are given; any other name refuses the file.
"""

import io
import pickle
import pickletools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from db.gallery.pickles import HARMLESS, PickleRefusedError
from pipeline.types import Floats

MOST_BYTES = 512 << 20
MOST_NAMES = 100_000
LONGEST = 8192
"""Numbers of an embedding at most."""

_OF_ARRAYS = frozenset(
    {
        "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE", "NONE",
        "NEWTRUE", "NEWFALSE", "BINFLOAT", "EMPTY_LIST", "APPEND", "APPENDS", "PUT", "BINPUT", "LONG_BINPUT", "GET",
        "SHORT_BINSTRING", "BINSTRING", "LONG1", "POP", "BYTEARRAY8",
    }
)  # fmt: skip
_DTYPES = {"f2": np.float16, "f4": np.float32, "f8": np.float64}


class _DType:
    """Stands in for `numpy.dtype`."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = str(name).lstrip("<=|>")

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.is_big = state[1] == ">"

    is_big = False


class _Array:
    """Stands in for `numpy.ndarray`: keeps shape, type and bytes."""

    state: tuple[Any, ...] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state[1:]

    def as_floats(self) -> Floats:
        """Return the array as float32; raises `PickleRefusedError` for anything but real numbers in C order."""
        if self.state is None or len(self.state) != 4:
            raise PickleRefusedError("an array has no content")
        shape, dtype, is_fortran, data = self.state
        kind = _DTYPES.get(dtype.name) if isinstance(dtype, _DType) else None
        data = data.encode("latin-1") if isinstance(data, str) else data
        if kind is None or dtype.is_big or is_fortran or not isinstance(data, bytes | bytearray):
            raise PickleRefusedError("an array is not of floating-point numbers")
        rows = np.frombuffer(data, kind).astype(np.float32)
        if tuple(shape) != (len(rows),) and int(np.prod(shape)) != len(rows):
            raise PickleRefusedError("an array has another shape than it says")
        return rows.reshape(shape)


def _rebuilt(*_: object) -> _Array:
    return _Array()


def _from_buffer(data: bytes, dtype: object, shape: tuple[int, ...], order: str = "C", *_: object) -> _Array:
    array = _Array()
    array.state = shape, dtype, order == "F", bytes(data)
    return array


def _encoded(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, by which older protocols write bytes."""
    if encoding != "latin1":
        raise PickleRefusedError("it has text in another encoding")
    return text.encode("latin-1")


_STAND_INS: Mapping[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _rebuilt for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encoded,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        found = _STAND_INS.get((module, name))
        if found is None:
            raise PickleRefusedError(f"it names {module}.{name}"[:200])
        return found

    def persistent_load(self, pid: object, /) -> Any:
        raise PickleRefusedError("it has a persistent id")


def read_names(blob: bytes) -> dict[str, Floats]:
    """Return each name's embeddings, float32 (m, d). Raises `PickleRefusedError` with what is wrong."""
    if len(blob) > MOST_BYTES:
        raise PickleRefusedError(f"it is larger than {MOST_BYTES >> 20} MiB")
    content = _plain(blob)
    if not content or len(content) > MOST_NAMES:
        raise PickleRefusedError(f"it has {len(content)} names")
    found = {name: _rows(name, value) for name, value in content.items()}
    sizes = {rows.shape[1] for rows in found.values()}
    if len(sizes) != 1:
        raise PickleRefusedError(f"its embeddings have several lengths: {', '.join(map(str, sorted(sizes)))}")
    return found


def _plain(blob: bytes) -> dict[Any, Any]:
    try:
        for opcode, _, _ in pickletools.genops(blob):
            if opcode.name not in HARMLESS | _OF_ARRAYS:
                raise PickleRefusedError(f"it has the opcode {opcode.name}")
        content = _Reader(io.BytesIO(blob)).load()
    except PickleRefusedError:
        raise
    except Exception as error:  # whatever a damaged file makes the stand-ins or the unpickler raise
        raise PickleRefusedError(f"it is damaged or not a pickle ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise PickleRefusedError("it is not a dictionary")
    return content


def _rows(name: object, value: object) -> Floats:
    """Return one name's embeddings: an array or list of numbers, (d,) or (m, d)."""
    if not isinstance(name, str) or not name.strip():
        raise PickleRefusedError("a name is not text")
    if isinstance(value, _Array):
        rows = value.as_floats()
    elif isinstance(value, list) and value and all(isinstance(one, float | int) for one in value):
        rows = np.array(value, np.float32)
    elif isinstance(value, list) and value and all(isinstance(one, _Array) for one in value):
        rows = np.stack([one.as_floats().reshape(-1) for one in value])
    else:
        raise PickleRefusedError("a value is neither an array nor a list of numbers")
    rows = np.atleast_2d(rows)
    if rows.ndim != 2 or not len(rows) or not 8 <= rows.shape[1] <= LONGEST or not np.isfinite(rows).all():
        raise PickleRefusedError(f"an embedding has the shape {rows.shape} or values that are not numbers")
    if not np.linalg.norm(rows.astype(np.float64), axis=1).all():
        raise PickleRefusedError("an embedding is zero")
    return rows
