"""The kinds of values in `.env` that name folders and files; only writing shows whether one can be written.

The context of the validation is the folder from which relative paths start.
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ValidationInfo

from settings.values import Accepts, server, url, wrong

SQLITE = "sqlite:///"
Info = ValidationInfo[Path]


def folder(text: str, info: Info) -> Path:
    """Return a folder, or a path where nothing exists yet."""
    path = _path(text, info)
    if path.exists() and not path.is_dir():
        raise wrong("is not a folder")
    return path


def existing_folder(text: str, info: Info) -> Path:
    """Return a folder that exists."""
    path = folder(text, info)
    if not path.exists():
        raise wrong("does not exist")
    return path


def writable_folder(text: str, info: Info) -> Path:
    """Return a folder that exists and in which files can be created (a nameless one is, to find out)."""
    path = existing_folder(text, info)
    _try_to_write(path)
    return path


def writable_file(text: str, info: Info) -> Path:
    """Return a file that can be written; it may be missing, but its folder exists.

    It is not opened: closing a SQLite file ends all locks that this process holds on it, and the next process that
    closes the database takes the server for gone and deletes the log that it writes to.
    """
    path = _path(text, info)
    try:
        if path.is_dir():
            raise wrong("is a folder")
        if not path.parent.is_dir():
            raise wrong("is in a folder that does not exist")
        if path.exists():
            if not os.access(path, os.W_OK):
                raise wrong("cannot be written")
            return path
    except OSError:
        raise wrong("cannot be written") from None
    _try_to_write(path.parent)
    return path


def folder_or_none(text: str, info: Info) -> Path | None:
    """Return a folder that exists, or None for no text."""
    return existing_folder(text, info) if text else None


def folder_or_url(text: str, info: Info) -> str:
    """Return an http or https URL, the absolute path of an existing folder, or nothing."""
    if not text or "://" in text:
        return text and url(text)
    return str(existing_folder(text, info))


def sql_uri(text: str, info: Info) -> str:
    """Return `sqlite:///path` with an absolute path, or a server's host with or without a port."""
    if not text.startswith("sqlite:"):
        return server(text)
    path = text.removeprefix(SQLITE)
    if path in (text, ""):
        raise wrong("names no SQLite file")
    return SQLITE + str(writable_file(path, info))


def vector_store(text: str, info: Info) -> str:
    """Return nothing for `memory`; for Milvus its URL, whose path names a database, or the absolute path of a file."""
    place = text.removeprefix("milvus:")
    if text in ("", "memory"):
        return ""
    if place == text:
        raise wrong("is neither memory nor milvus: with a place")
    if "://" not in place:
        return str(_lite_file(_path(place, info)))
    parts = urlsplit(url(place))
    if parts.query or parts.fragment or parts.path.strip("/").count("/"):
        raise wrong("is not the URL of a Milvus server")
    return place


def _lite_file(path: Path) -> Path:
    if path.suffix != ".db":
        raise wrong("is not a file name that ends in .db")
    if not path.parent.is_dir():
        raise wrong("is in a folder that does not exist")
    if path.is_file():
        raise wrong("is a file made by an older version of Milvus Lite")
    _try_to_write(path if path.is_dir() else path.parent)  # what Milvus Lite calls a file is a folder
    return path


def _path(text: str, info: Info) -> Path:
    if not text:
        raise wrong("is empty")
    return (info.context / text).resolve()


def _try_to_write(path: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=path).close()
    except OSError:
        raise wrong("cannot be written to") from None


Folder = Annotated[Path, Accepts("a folder", folder)]
WritableFolder = Annotated[Path, Accepts("an existing writable folder", writable_folder)]
SeparateFolder = Annotated[
    Path, Accepts("an existing writable folder, neither inside UPLOAD_FOLDER nor around it", writable_folder)
]
WritableFile = Annotated[Path, Accepts("a writable file; it may be missing, its folder may not", writable_file)]
OwnFolder = Annotated[Path | None, Accepts("an existing folder; may be empty", folder_or_none)]
FolderOrUrl = Annotated[str, Accepts("an existing folder or an http(s) URL; may be empty", folder_or_url)]
SqlUri = Annotated[str, Accepts("host or host:port of a MySQL server, or sqlite:///path", sql_uri)]
VectorStore = Annotated[
    str, Accepts("memory, milvus:http://host:19530 or milvus:/path/file.db; may be empty", vector_store)
]
