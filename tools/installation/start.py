"""What `bin/start` does before it serves: options, folders, the first `.env`, the table."""

from __future__ import annotations

import argparse
import errno
import os
import re
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.cli.launch import use_venv
from tools.installation.environment import ROOT, Say, SetupError, prepare, say


def main(arguments: Sequence[str]) -> int:
    """Install, make what is missing, and serve; returns 0 after a clean stop, 2 with one sentence on the reason."""
    try:
        chosen = make_parser().parse_args(arguments)
        check_port(ROOT / ".env", chosen.port)
        prepare(ROOT, ["requirements.txt"], say)
        use_venv()
        first_time(ROOT, chosen, say)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    import faceapp
    from api.serving import exit_now

    return exit_now(faceapp.main())


def check_port(env: Path, asked: int | None) -> None:
    """Raise `SetupError` where another program listens on the server's port, before anything is installed."""
    text = env.read_text(encoding="utf-8", errors="replace") if env.is_file() else ""
    host, port = _plain(text, "HOST") or "127.0.0.1", str(asked or _plain(text, "PORT") or 8001)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        return  # the settings' own reader says what is wrong
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = int(port) + 1
            raise SetupError(f"Port {port} is already in use. Choose another one: bin/start --port {other}") from None


def _plain(text: str, key: str) -> str:
    """Return a value of `.env` as far as a bare Python can read it: one without escapes."""
    found = re.findall(rf"(?m)^[ \t]*(?:export[ \t]+)?{key}[ \t]*=[ \t]*['\"]?([^'\"#\s]*)", text)
    return found[-1] if found else ""


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes; `mirror` and `fetch` default to the variables MODEL_MIRROR and FETCH_MODELS.

    They apply only to the first start, which saves them in `.env`. The server itself reads only `.env`.
    """
    parser = argparse.ArgumentParser(
        prog="bin/start",
        description="Install what is missing, and serve on HOST:PORT of .env (127.0.0.1:8001).",
        epilog="--mirror and --no-fetch apply only to the first start, which saves them in .env.",
    )
    parser.add_argument(
        "--mirror", default=os.environ.get("MODEL_MIRROR", ""), metavar="FOLDER_OR_URL",
        help="Where to look for weights first, by file name and SHA-256 (default: the variable MODEL_MIRROR).",
    )  # fmt: skip
    parser.add_argument(
        "--no-fetch", dest="fetch", action="store_const", const="false", default=os.environ.get("FETCH_MODELS", ""),
        help="Do not download weights (or the variable FETCH_MODELS=false).",
    )  # fmt: skip
    about = "Listen on this port from now on; stored in .env (default: 8001)."
    parser.add_argument("--port", type=port, metavar="PORT", help=about)
    parser.add_argument(
        "--seal", action="store_true", help="Make a key that seals photos, faces and embeddings on the disk (DATA_KEY)."
    )
    return parser


def port(text: str) -> int:
    """Return a port's number."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("a number from 1 to 65535")
    return int(text)


def first_time(root: Path, chosen: argparse.Namespace, say: Say) -> None:
    """Create what is missing: folders, `.env`, the table. Raises `SetupError`."""
    from db import files
    from tools.installation.fetch_models import fetch_mobilefacenet
    from tools.installation.first_settings import FirstChoice, make_folders, write_first
    from tools.records.env_file import set_value

    files.for_owner_only()
    choice = FirstChoice.of(chosen.mirror, chosen.fetch, Path.cwd())
    write_first(root, choice, lambda said: fetch_mobilefacenet(root, said, say), say)
    if chosen.port is not None:
        set_value(root / ".env", "PORT", str(chosen.port))
    make_folders(root / ".env")
    if chosen.seal:
        seal(root, say)
    make_table(root, say)


def seal(root: Path, say: Say) -> None:
    """Put a new DATA_KEY into `.env`, where nothing is kept yet. Raises `SetupError`."""
    from env_validator import SettingsFault, load_settings
    from tools.records.rekey import begin_empty

    try:
        say(begin_empty(root / ".env", load_settings(root / ".env")))
    except (SettingsFault, ValueError, OSError) as error:
        raise SetupError(f"--seal: {error}.") from None


def make_table(root: Path, say: Say) -> None:
    """Create the schema and the tables; failures are printed, and the server still starts."""
    from bootstrap.records import create_tables
    from codes_dict import Refusal
    from env_validator import PUBLISHED_PASSWORDS, SettingsFault, load_settings

    try:
        now = load_settings(root / ".env")
    except SettingsFault as fault:
        say(".env has faults; the endpoints answer 176 until they are fixed:")
        for line in fault.lines():
            say(f"  {line}")
        return
    for line in now.unknown_explained():
        say(f"Unknown key in .env, ignored: {line}")
    try:
        create_tables(now)
    except (Refusal, OSError, sqlite3.Error) as error:
        say(f"Could not create the table; requests fail until it exists: {error}")
    if now.super_password in PUBLISHED_PASSWORDS:
        print("SUPER_PASSWORD is a published example: the operator's side stays closed.", file=sys.stderr)
