"""Worker processes, and what the server and they say to each other: short JSON messages, bytes, and a file of pixels.

Pixels come in a memory file without a name, whose descriptor is sent along: nothing is copied, and nothing is left
behind whoever dies. The server seals the file before it looks at it, so that no worker can change it afterwards.
"""

import fcntl
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.types import Pixels

_LENGTH = struct.Struct("!I")
_MOST_WORDS = 4096
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class WireError(Exception):
    """The other side is gone, or says what nobody can understand."""


def started(module: str, patience_s: float | None) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run a module as a process without the server's environment, files and terminal; return it and a socket to it.

    The module's argument is the descriptor of the socket's other end. Reading takes at most `patience_s` seconds.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(patience_s)
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - a fixed program
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return process, ours


def send(sock: socket.socket, message: Mapping[str, Any], data: bytes = b"", pixels: Pixels | None = None) -> None:
    """Send a message, and the bytes or the pixels that belong to it."""
    words = json.dumps(message).encode()
    head = _LENGTH.pack(len(words))
    if pixels is None:
        sock.sendall(head + words)
        sock.sendall(data)
        return
    file = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = np.ascontiguousarray(pixels).data.cast("B")
        while rest:
            rest = rest[os.write(file, rest) :]
        socket.send_fds(sock, [head], [file])
        sock.sendall(words)
    finally:
        os.close(file)


def receive(sock: socket.socket) -> tuple[dict[str, Any], int | None]:
    """Return a message and the descriptor that came with it, None without one. Raises `WireError`."""
    head, files, _, _ = socket.recv_fds(sock, _LENGTH.size, 1)
    file = files[0] if files else None
    try:
        head += receive_bytes(sock, _LENGTH.size - len(head)) if head else b""
        length = _LENGTH.unpack(head)[0] if head else _MOST_WORDS + 1
        if length > _MOST_WORDS:
            raise WireError("no message came")
        message = json.loads(receive_bytes(sock, length))
        if not isinstance(message, dict):
            raise WireError("the message is no object")
        return message, file
    except BaseException as error:
        if file is not None:
            os.close(file)
        if isinstance(error, ValueError):
            raise WireError("the message cannot be read") from error
        raise


def receive_bytes(sock: socket.socket, count: int) -> bytes:
    """Return exactly so many bytes. Raises `WireError` where fewer come."""
    data = bytearray(count)
    rest = memoryview(data)
    while rest:
        got = sock.recv_into(rest)
        if not got:
            raise WireError("the other side is gone")
        rest = rest[got:]
    return bytes(data)


def pixels_in(file: int, height: int, width: int) -> Pixels:
    """Return the uint8 RGB pixels (height, width, 3) in a memory file, which is sealed first and not copied.

    Raises `WireError` where the file is of another size or can still be changed.
    """
    size = height * width * 3
    try:
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        if size < 1 or os.fstat(file).st_size != size:
            raise WireError("the pixels are not as many as was said")
        memory = mmap.mmap(file, size, mmap.MAP_PRIVATE | mmap.MAP_POPULATE, mmap.PROT_READ)
    except OSError as error:
        raise WireError("the pixels cannot be sealed") from error
    return np.frombuffer(memory, np.uint8).reshape(height, width, 3)
