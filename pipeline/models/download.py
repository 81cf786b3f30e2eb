"""Downloading a file so that it is either there whole and checked, or not at all."""

import bz2
import hashlib
import shutil
import threading
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have come and their total, if the server tells it."""

_CHUNK = 1 << 18
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")


class FetchFailed(OSError):  # noqa: N818 - a state of the network, not a defect
    """A file could not be fetched; the text says from where and why."""


def fetch(url: str, target: Path, sha256: str | None, timeout: float, progress: Progress | None = None) -> Path:
    """Download `url` to `target`, unpacking `.bz2` and `.zip`, within `timeout` seconds.

    The file comes under a temporary name, is compared with `sha256` where that is given, and is then renamed. A web
    page instead of a file is refused. Raises `FetchFailed`.
    """
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    host = urlsplit(url).hostname or "no host"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source = _from_drive if host.endswith("drive.google.com") else _from_web
        source(url, part, timeout, progress)
        _unpack(part, Path(urlsplit(url).path).suffix)
        _check(part, sha256, host)
        part.replace(target)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchFailed(f"{target.name} could not be fetched from {host}: {reason}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _from_web(url: str, part: Path, timeout: float, progress: Progress | None) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https addresses are fetched")
    end = time.monotonic() + timeout
    request = urllib.request.Request(url, headers={"User-Agent": "faceapp"})  # noqa: S310 - the scheme is checked
    with urllib.request.urlopen(request, timeout=timeout) as answer, part.open("wb") as stream:  # noqa: S310
        total = int(answer.headers.get("Content-Length") or 0) or None
        done = 0
        while chunk := answer.read1(_CHUNK):
            stream.write(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
            if time.monotonic() > end:
                raise TimeoutError(f"it took longer than {timeout:g} s")
        if total is not None and done != total:
            raise EOFError(f"{done} of {total} bytes came")


def _from_drive(url: str, part: Path, timeout: float, progress: Progress | None) -> None:
    """Fetch from Google Drive, which asks questions about large files that gdown can answer."""
    import gdown

    cancel = threading.Event()
    alarm = threading.Timer(timeout, cancel.set)
    alarm.start()
    try:
        came = gdown.download(url, str(part), quiet=True, timeout=timeout, cancel=cancel, progress=progress)
    except Exception as error:  # gdown raises whatever its parsing of Google's pages runs into
        raise OSError(f"gdown: {error}") from error
    finally:
        alarm.cancel()
    if came is None or not part.is_file():
        raise OSError("gdown found no file there")


def _unpack(part: Path, suffix: str) -> None:
    """Replace an archive by the one file in it."""
    if suffix not in (".bz2", ".zip"):
        return
    plain = part.with_name(f"{part.stem}.plain.part")
    try:
        with plain.open("wb") as stream:
            if suffix == ".bz2":
                with bz2.open(part) as packed:
                    shutil.copyfileobj(packed, stream)
            else:
                with zipfile.ZipFile(part) as archive:
                    files = [entry for entry in archive.infolist() if not entry.is_dir()]
                    if len(files) != 1:
                        raise ValueError("the archive does not hold exactly one file")
                    with archive.open(files[0]) as packed:
                        shutil.copyfileobj(packed, stream)
        plain.replace(part)
    finally:
        plain.unlink(missing_ok=True)


def _check(part: Path, sha256: str | None, host: str) -> None:
    with part.open("rb") as stream:
        head = stream.read(512).lstrip().lower()
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not head:
        raise ValueError("the file is empty")
    if head.startswith(_PAGES):
        raise ValueError(f"{host} sent a web page instead of the file")
    if sha256 is not None and digest != sha256:
        raise ValueError(f"its SHA-256 is {digest} and should be {sha256}")
