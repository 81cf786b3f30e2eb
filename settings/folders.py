"""Checks of the values of `.env` that name folders and files. What can be written is found out by writing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from settings.checks import BadValueError, split_host, url

SQLITE = "sqlite:///"


def folder(value: str, base: Path) -> Path:
    """Accept a folder, or a path where nothing is yet."""
    path = _path(value, base)
    if path.exists() and not path.is_dir():
        raise BadValueError("is not a folder")
    return path


def existing_folder(value: str, base: Path) -> Path:
    """Accept a folder that is there."""
    path = folder(value, base)
    if not path.exists():
        raise BadValueError("does not exist")
    return path


def writable_folder(value: str, base: Path) -> Path:
    """Accept a folder that is there and takes a file (one without a name is made to see)."""
    path = existing_folder(value, base)
    _try_to_write(path)
    return path


def writable_file(value: str, base: Path) -> Path:
    """Accept a file that can be written; it need not be there, its folder does."""
    return _file_to_write(_path(value, base))


def url_or_folder(value: str, base: Path) -> str:
    """Accept an http or https URL, or an existing folder (returned as an absolute path)."""
    if "://" in value:
        return url(value, base)
    return str(existing_folder(value, base))


def sql_uri(value: str, base: Path) -> str:
    """Accept `sqlite:///path` (returned with an absolute path), or a host with or without a port."""
    if value.startswith("sqlite:"):
        path = value.removeprefix(SQLITE)
        if path in (value, ""):
            raise BadValueError("names no SQLite file")
        return SQLITE + str(_file_to_write(base / path))
    split_host(value)
    return value


def vector_store(value: str, base: Path) -> str:
    """Accept `memory` or nothing (returned empty), or Milvus after `milvus:`: its URL, or an absolute path of a file.

    A URL's path is the name of a database in Milvus.
    """
    if value in ("", "memory"):
        return ""
    place = value.removeprefix("milvus:")
    if place == value:
        raise BadValueError("is neither memory nor milvus: with a place")
    if "://" in place:
        parts = urlsplit(url(place, base))
        if parts.query or parts.fragment or parts.path.strip("/").count("/"):
            raise BadValueError("is not the URL of a Milvus")
        return place
    return str(_lite_file(_path(place, base)))


def _lite_file(path: Path) -> Path:
    if path.suffix != ".db":
        raise BadValueError("names no file that ends in .db")
    if not path.parent.is_dir():
        raise BadValueError("lies in a folder that does not exist")
    if path.is_file():
        raise BadValueError("is a file, which an older Milvus Lite has made")
    _try_to_write(path if path.is_dir() else path.parent)  # Milvus Lite calls a file what is a folder
    return path


def _path(value: str, base: Path) -> Path:
    if not value:
        raise BadValueError("is empty")
    return (base / value).resolve()


def _file_to_write(path: Path) -> Path:
    try:
        if path.is_dir():
            raise BadValueError("is a folder")
        if not path.parent.is_dir():
            raise BadValueError("lies in a folder that does not exist")
        if path.exists():
            path.open("ab").close()
            return path
    except OSError:
        raise BadValueError("cannot be written") from None
    _try_to_write(path.parent)
    return path


def _try_to_write(path: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=path).close()
    except OSError:
        raise BadValueError("cannot be written to") from None
