"""The first `.env`: the example with a random password and the recognition models that are available."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from env_validator import folders_inside
from settings.keys import KEYS
from settings.paths import FolderOrUrl
from settings.values import password
from tools.installation.environment import SetupError

PACKAGED, ALL = "Dlib,SFace", "Dlib,SFace,MobileFaceNet"
"""Recognition models whose weights come inside packages, and the same with the one that has to be fetched."""
LETTERS = string.ascii_letters + string.digits + "!-_.+"
"""Characters of a random password: none has a meaning in `.env`, a shell or a URL."""
MEANING = {key.name: key.meaning for key in KEYS}


@dataclass(frozen=True)
class FirstChoice:
    """Choices before `.env` exists: where to look for weights first, and whether to download any."""

    mirror: str = ""
    fetch: bool = True

    @classmethod
    def of(cls, mirror: str, fetch: str, folder: Path) -> FirstChoice:
        """Check the choices; a relative path starts from `folder`. Raises `SetupError`."""
        if fetch.lower() not in {"", "true", "false"}:
            raise SetupError("FETCH_MODELS is neither true nor false.")
        try:
            checked = TypeAdapter(FolderOrUrl).validate_python(mirror, context=folder)
        except ValidationError as error:
            wrong = error.errors()[0]["msg"]
            raise SetupError(f"MODEL_MIRROR {wrong}. Use an existing folder or an http(s) URL.") from None
        return cls(checked, fetch.lower() != "false")


Fetch = Callable[[FirstChoice], str]
"""Tries to fetch MobileFaceNet's weights within seconds; returns the reason of a failure, else nothing."""


def make_folders(env: Path) -> None:
    """Create the folders that `env` names below its own folder; others are the operator's. Raises `SetupError`."""
    for folder in folders_inside(env):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"{folder} cannot be created: {error.strerror}.") from None


def write_first(root: Path, choice: FirstChoice, fetch: Fetch, say: Callable[[str], None]) -> None:
    """Write `root/.env`, readable by its owner only, unless it exists, and say what was chosen; raises `SetupError`."""
    file = root / ".env"
    if file.exists():
        return
    obstacle = fetch(choice)
    models, secret = PACKAGED if obstacle else ALL, random_password()
    text = first_text((root / ".env.example").read_text(encoding="utf-8"), choice, models, secret)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise SetupError(f"{file} cannot be written: {error.strerror}.") from None
    say(f"Wrote {file} from .env.example")
    if obstacle:
        say(f"Recognition models: Dlib and SFace. MobileFaceNet is not available: {obstacle}.")
        say("A third model improves decisions a little; docs/install.md explains how to add it later.")
    else:
        say("Recognition models: Dlib, SFace and MobileFaceNet, fused")
    say(f"SUPER_PASSWORD (shown only once; stored in .env): {secret}")


def first_text(example: str, choice: FirstChoice, models: str, secret: str) -> str:
    """Return the example with the models, the password and the choices filled in."""
    text = put(put(example, "SELECTED_MODELS", models), "SUPER_PASSWORD", secret)
    text = text.replace("; bin/start writes a random one here, and this published one opens nothing", "")
    if choice.mirror:
        text += f"# {MEANING['MODEL_MIRROR']}\nMODEL_MIRROR='{_quoted(choice.mirror)}'\n"
    if not choice.fetch:
        text += f"# {MEANING['FETCH_MODELS']}\nFETCH_MODELS=false\n"
    return text


def put(text: str, key: str, value: str) -> str:
    """Return the text of a `.env` with another value for one of its keys."""
    return re.sub(rf"(?m)^{key}=.*$", lambda _: f"{key}={value}", text)


def random_password() -> str:
    """Return 20 random characters that SUPER_PASSWORD accepts (over 110 bits)."""
    while True:
        candidate = "".join(secrets.choice(LETTERS) for _ in range(20))
        try:
            return password(candidate)
        except ValueError:
            continue


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
