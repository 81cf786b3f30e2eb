"""Files: written whole and durably or not at all, removed, locked. What is kept of people goes through `db.kept`."""

import errno
import fcntl
import hashlib
import logging
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

from codes_dict import Code, Refusal
from pipeline.pseudonym import passing_name

log = logging.getLogger(__name__)

PART = ".part"
"""Suffix of unfinished files: never read, removed when old."""

_PROCESSES = Path("/proc/self/ns/pid")  # containers may share a host name, but not their processes' numbers
_PART_OF = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<process>[0-9]+)-[0-9a-f]{8}\.part$", re.ASCII)
_SYNCS = 8
_TRIES = 20
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def for_owner_only() -> None:
    """Make every file and folder that this process creates from now on readable for its user alone."""
    os.umask(0o077)


@cache
def _host() -> str:
    space = str(_PROCESSES.readlink()) if _PROCESSES.is_symlink() else ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def part_of(path: Path) -> Path:
    """Return a new unfinished name for a file or folder; it tells which process of which machine is writing."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}{PART}")


def final_name(name: str) -> str:
    """Return what an unfinished file or folder will be called; other names as they are."""
    return name[1 : made.start()] if (made := _PART_OF.search(name)) else name


def is_left_over(part: Path) -> bool:
    """Whether the process that wrote an unfinished file is dead; False where it ran on another machine."""
    made = _PART_OF.search(part.name)
    if made is None or made["host"] != _host():
        return False
    try:
        os.kill(int(made["process"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def is_older(path: Path, before: float) -> bool:
    """Whether a file or folder was last changed before that time (seconds since 1970); False if it is gone."""
    try:
        return path.lstat().st_mtime < before
    except FileNotFoundError:
        return False


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content; None if it does not exist. Raises `Refusal(Code.NO_SPACE)` if it cannot be read."""
    return read_beginning(path, -1)


def read_beginning(path: Path, length: int) -> bytes | None:
    """Return the first bytes of a file, all with -1; None if it does not exist. Raises as `read_bytes` does."""
    with working_in(path.parent), suppress(*_ABSENT), path.open("rb") as file:
        return file.read(length)
    return None


def write_together(contents: Mapping[Path, bytes], *, make_folders: bool = True, changed_ns: int | None = None) -> None:
    """Write several files, each whole or not at all, durable on return; creates missing folders unless told otherwise.

    `changed_ns` becomes their time of modification, in ns since 1970. Temporary names, fsync, rename, fsync of the
    folders; the fsyncs run in parallel, because a file system writes those that wait at the same time in one go. After
    a failure some of the files may exist, whole. Raises `Refusal(Code.NO_SPACE)` if writing fails.
    """
    parts = {path: part_of(path) for path in contents}
    folders = {path.parent for path in contents}
    with working_in(min(folders)):
        try:
            write = partial(_write_synced, make_folder=make_folders, changed_ns=changed_ns)
            _in_parallel(write, parts.values(), contents.values())
            for path, part in parts.items():
                part.replace(path)
            _in_parallel(sync, sorted(folders | {folder.parent for folder in folders}))
        finally:
            for part in parts.values():
                remove(part)


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder with these files, all or nothing, durable on return. Raises `Refusal(Code.NO_SPACE)`."""
    part = part_of(folder)
    with working_in(folder.parent):
        try:
            part.mkdir(parents=True)
            for name, data in contents.items():
                (part / name).write_bytes(data)
            _in_parallel(sync, [part, *(part / name for name in contents)])
            part.rename(folder)
            sync(folder.parent)
        except BaseException:
            remove_tree(part)
            raise


def append_line(path: Path, line: str) -> None:
    """Append a line, durable on return; the caller keeps other writers out. Raises `Refusal(Code.NO_SPACE)`.

    What an interrupted write left of a line before stays, on a line of its own.
    """
    with working_in(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            broken = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = f"{chr(10) if broken else ''}{line}\n".encode()
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            sync(path.parent)


def _in_parallel(work: Callable[..., None], *arguments: Iterable[object]) -> None:
    """Call `work` with each of the arguments; wait for all, also after a failure, and raise the first one."""
    submitted = [_writers().submit(work, *each) for each in zip(*arguments, strict=True)]
    wait(submitted)
    for done in submitted:
        done.result()


@cache
def _writers() -> ThreadPoolExecutor:
    """Return the threads that write all requests' files; started at the first use, so after a fork."""
    return ThreadPoolExecutor(_SYNCS, thread_name_prefix="writer")


def _write_synced(path: Path, data: bytes, *, make_folder: bool, changed_ns: int | None) -> None:
    for left in reversed(range(_TRIES if make_folder else 1)):
        try:
            if make_folder:
                path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                if changed_ns is not None:
                    os.utime(file.fileno(), ns=(changed_ns, changed_ns))
                os.fsync(file.fileno())
        except (FileNotFoundError, FileExistsError):  # others remove the folder while it is empty
            if not left:
                raise
        else:
            return


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Turn an `OSError` into `Refusal(Code.NO_SPACE)` with the system's reason; folders' names may name people."""
    try:
        yield
    except OSError as error:
        place = passing_name(folder.name)
        raise Refusal(Code.NO_SPACE, f"folder {place}: {error.strerror or type(error).__name__}") from error


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_in(place: Path) -> list[Path]:
    """Return all files in a folder of the disk, at any depth; what is removed meanwhile may be missing."""
    found: list[Path] = []
    for folder, folders, names in os.walk(place):  # skips a folder that is gone, where a glob raises
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found += [Path(folder, name) for name in (*names, *links)]
    return sorted(found)


def found_in(folder: Path, fits: Callable[[str], object]) -> Iterator[Path]:
    """Yield what is directly in a folder and has a name that fits; nothing where the folder is gone.

    One at a time: a folder may hold a million, and `Path.glob` makes a list of all before it yields the first.
    """
    with suppress(*_ABSENT), os.scandir(folder) as entries:
        for entry in entries:
            if fits(entry.name):
                yield folder / entry.name


def unfinished_in(folder: Path) -> Iterator[Path]:
    """Yield the unfinished files and folders that are directly in a folder."""
    return found_in(folder, lambda name: name.startswith(".") and name.endswith(PART))


def remove(path: Path) -> bool:
    """Remove a file; True if it is gone. If it cannot be removed, that is logged and left to the next sweep."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("could not remove %s: %s", path.name, error.strerror)
        return False
    return True


def remove_if_empty(folder: Path) -> bool:
    """Remove an empty folder; True if it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # not empty, or no permission: it stays either way
        return False
    return True


def remove_tree(folder: Path) -> bool:
    """Remove a folder with everything in it, without following links; True if it is gone."""
    for place, folders, names in os.walk(folder, topdown=False):
        for name in names:
            remove(Path(place, name))
        for name in folders:
            inner = Path(place, name)
            if inner.is_symlink():
                remove(inner)
            else:
                remove_if_empty(inner)
    return remove_if_empty(folder)


def inside(root: Path, relative: str) -> Path | None:
    """Return `root / relative`; None if that, with links resolved, is not strictly inside the root."""
    if not relative or "\0" in relative:
        return None
    base = root.resolve()
    path = (base / relative).resolve()
    return path if base in path.parents else None


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock between processes for the block; yields False if another process holds it and `wait` is false.

    The lock ends with the process, so a killed one never leaves it behind.
    """
    with working_in(path.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
