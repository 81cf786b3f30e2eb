"""The gallery's pickle files in DB_PATH: derived data as plain values, read without executing anything.

`gallery_{model}_{version}.pkl` is the base that compaction writes; each enrolment adds a segment
`gallery_{model}_{version}_{token}.pkl`. A file is a dictionary of strings, bytes and integers; embeddings are raw
little-endian float32.
"""

import hashlib
import io
import logging
import pickle
import pickletools
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from codes_dict import Code, Refusal
from db import files
from db.kept import KeptFiles
from pipeline.types import Floats
from security.sealing import SealBrokenError

log = logging.getLogger(__name__)

FORMAT = "faceapp-gallery-1"
LOCK = ".gallery.lock"

HARMLESS = frozenset(
    {
        "PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "EMPTY_DICT", "SETITEM", "SETITEMS",
        "BININT", "BININT1", "BININT2", "SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
    }
)  # fmt: skip
_FIELDS = {
    "format": str, "model": str, "version": str, "size": int, "tokens": bytes, "counts": bytes, "data": bytes,
    "sha256": bytes,
}  # fmt: skip
_NAME = re.compile(
    r"gallery_(?P<model>[A-Za-z0-9-]+)_(?P<version>[0-9a-f]{16})(?:_(?P<token>[0-9a-f]{32}))?\.pkl", re.ASCII
)


class PickleRefusedError(ValueError):
    """A gallery file is damaged, of other origin, or holds more than plain values."""


@dataclass(frozen=True)
class Key:
    """What the embeddings of a file were computed with: model, embedder version, length of an embedding."""

    model: str
    version: str
    size: int

    @property
    def base(self) -> str:
        """Name of the compacted file."""
        return f"gallery_{self.model}_{self.version}.pkl"

    def segment(self, token: str) -> str:
        """Name of the file that one enrolment adds."""
        return f"gallery_{self.model}_{self.version}_{token}.pkl"

    def checked(self, rows: Floats, count: int) -> Floats:
        """Return embeddings as float32 (count, size); raises ValueError for another shape or infinite values."""
        if rows.shape != (count, self.size) or not np.isfinite(rows).all():
            raise ValueError(f"{self.model} gave embeddings of shape {rows.shape} or with values that are not numbers")
        return rows.astype(np.float32, copy=False)


class _NothingUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> NoReturn:
        raise PickleRefusedError(f"it names {module}.{name}"[:200])

    def persistent_load(self, pid: object, /) -> NoReturn:
        raise PickleRefusedError("it has a persistent id")


def encode(key: Key, rows: Mapping[str, Floats]) -> bytes:
    """Return the content of a file: the embeddings of each token, float32 (m, size)."""
    counts = np.fromiter((len(block) for block in rows.values()), "<u4", len(rows))
    blocks = [np.ascontiguousarray(block, "<f4") for block in rows.values()]
    if any(block.ndim != 2 or block.shape[1] != key.size for block in blocks):
        raise ValueError(f"embeddings of {key.model} are not of shape (m, {key.size})")
    data = b"".join(block.tobytes() for block in blocks)
    content = {
        "format": FORMAT, "model": key.model, "version": key.version, "size": key.size,
        "tokens": bytes.fromhex("".join(rows)), "counts": counts.tobytes(), "data": data,
        "sha256": hashlib.sha256(data).digest(),
    }  # fmt: skip
    return pickle.dumps(content, protocol=4)


def decode(blob: bytes, key: Key) -> dict[str, Floats]:
    """Return each token's embeddings, float32 (m, size), read-only views of one array.

    Raises `PickleRefusedError` for everything except what `encode` writes for this key. Nothing is executed: opcodes
    are checked against a list before loading, and the loader finds no classes.
    """
    content = _plain(blob)
    if {name: type(value) for name, value in content.items()} != _FIELDS:
        raise PickleRefusedError("it has other fields")
    if [content[name] for name in ("format", "model", "version", "size")] != [FORMAT, key.model, key.version, key.size]:
        raise PickleRefusedError("it is of another model or version")
    tokens, data = content["tokens"], content["data"]
    if len(tokens) % 16 or len(content["counts"]) * 4 != len(tokens):
        raise PickleRefusedError("its lists differ in length")
    counts = np.frombuffer(content["counts"], "<u4").astype(np.int64)
    if int(counts.sum()) * key.size * 4 != len(data) or hashlib.sha256(data).digest() != content["sha256"]:
        raise PickleRefusedError("its embeddings are damaged")
    array: Floats = np.frombuffer(data, "<f4").reshape(-1, key.size)
    if not np.isfinite(array).all():
        raise PickleRefusedError("it has embeddings that are not numbers")
    ends = np.cumsum(counts)
    names = (tokens[start : start + 16].hex() for start in range(0, len(tokens), 16))
    return {name: array[end - count : end] for name, count, end in zip(names, counts, ends, strict=True)}


def _plain(blob: bytes) -> dict[str, Any]:
    try:
        for opcode, _, _ in pickletools.genops(blob):
            if opcode.name not in HARMLESS:
                raise PickleRefusedError(f"it has the opcode {opcode.name}")
        content = _NothingUnpickler(io.BytesIO(blob)).load()
    except PickleRefusedError:
        raise
    except (ValueError, pickle.UnpicklingError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise PickleRefusedError("it is truncated or not a pickle") from error
    if not isinstance(content, dict):
        raise PickleRefusedError("it is not a dictionary")
    return content


@dataclass(frozen=True)
class Named:
    """A gallery file, described by its name; `token` is None for a base."""

    path: Path
    model: str
    version: str
    token: str | None


class PickleStore:
    """The gallery files in DB_PATH."""

    def __init__(self, kept: KeptFiles) -> None:
        self._kept, self.root = kept, kept.root

    def write(self, name: str, key: Key, rows: Mapping[str, Floats]) -> None:
        """Write a file, whole and durable or not at all. Raises `Refusal(Code.NO_SPACE)`."""
        self._kept.write({self.root / name: encode(key, rows)})

    def write_segments(self, token: str, rows: Mapping[Key, Floats]) -> None:
        """Write one enrolment's segments, (m, size) a model. Raises `Refusal(Code.NO_SPACE)`."""
        self._kept.write({self.root / key.segment(token): encode(key, {token: block}) for key, block in rows.items()})

    def read(self, name: str, key: Key) -> dict[str, Floats] | None:
        """Return a file's rows; None if it is missing or refused. A refused file is logged and removed."""
        try:
            blob = self._opened(self.root / name)
            return None if blob is None else decode(blob, key)
        except PickleRefusedError as error:
            digest = hashlib.sha256(files.read_bytes(self.root / name) or b"").hexdigest()
            log.warning("gallery file %s refused and removed: %s (SHA-256 %s)", name, error, digest)
            files.remove(self.root / name)
            return None

    def _opened(self, path: Path) -> bytes | None:
        """Return a file's content; None if it is missing.

        Raises `PickleRefusedError`, and `SealBrokenError` for a key that DATA_KEY lacks: another server may have it.
        """
        try:
            return self._kept.read(path)
        except SealBrokenError as error:
            if error.is_foreign:
                raise
            raise PickleRefusedError(error.detail) from error

    def read_all(self, key: Key) -> dict[str, Floats]:
        """Return all rows of a model and version, from segments and base.

        The base is read last: what a compaction moves from a segment into the base in the meantime is found there.
        """
        rows: dict[str, Floats] = {}
        for named in self.named(key):
            if named.token is not None:
                rows.update(self.read(named.path.name, key) or {})
        return {**(self.read(key.base, key) or {}), **rows}

    def state(self, key: Key) -> tuple[int, int] | None:
        """Return a stamp that changes when the base is replaced; None if there is no base."""
        try:
            found = (self.root / key.base).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def named(self, key: Key | None = None) -> list[Named]:
        """Return the gallery files, all or those of a key, by their names."""
        found = [
            Named(path, match["model"], match["version"], match["token"])
            for path in sorted(files.found_in(self.root, _NAME.fullmatch))
            if (match := _NAME.fullmatch(path.name))
        ]
        return [one for one in found if key is None or (one.model, one.version) == (key.model, key.version)]

    def purge(self, tokens: Collection[str]) -> int:
        """Remove the embeddings of these enrolments from all files, whatever their key; return how many.

        Files that cannot be read are removed: they are derived data. Raises `Refusal(Code.NO_SPACE)`.
        """
        gone = 0
        for named in self.named():
            try:
                blob = self._opened(named.path)
                key = Key(named.model, named.version, int(_plain(blob).get("size", 0))) if blob else None
                rows = decode(blob, key) if blob and key else {}
            except PickleRefusedError:
                files.remove(named.path)
                continue
            kept = {token: block for token, block in rows.items() if token not in tokens}
            gone += sum(len(block) for token, block in rows.items() if token in tokens)
            if key and len(kept) < len(rows):
                self._replace(named, key, kept)
        for part in files.unfinished_in(self.root):
            if any(token in part.name for token in tokens):
                files.remove(part)
        return gone

    def _replace(self, named: Named, key: Key, rows: Mapping[str, Floats]) -> None:
        if rows or named.token is None:
            self.write(named.path.name, key, rows)
        elif not files.remove(named.path):
            raise Refusal(Code.NO_SPACE, "a gallery file cannot be removed")

    def delete(self, keys: Iterable[Key]) -> dict[str, Code]:
        """Remove every gallery file; return each name's code, PICKLE_ABSENT for the base of a key that had no file."""
        codes = {one.path.name: Code.PICKLE_DELETED for one in self.named() if files.remove(one.path)}
        for key in keys:
            if not any(name.startswith(f"gallery_{key.model}_{key.version}") for name in codes):
                codes[key.base] = Code.PICKLE_ABSENT
        return codes
