"""Changes of `.env`, whole or not at all, readable for its owner alone."""

import base64
import os
import re
import secrets
from pathlib import Path

from settings.keys import KEYS

_MEANING = {key.name: key.meaning for key in KEYS}
KEY_BYTES = 32


def new_key() -> str:
    """Return a random key as DATA_KEY holds it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def written(keys: tuple[bytes | None, ...]) -> str:
    """Return keys as DATA_KEY holds them; nothing where no key seals."""
    texts = ["none" if key is None else base64.b64encode(key).decode() for key in keys]
    return "" if texts == ["none"] else ",".join(texts)


def set_value(env: Path, name: str, value: str) -> None:
    """Give a key of `.env` another value; one that is not there is added with its meaning. Raises `OSError`."""
    file = env.resolve()
    before = file.read_text(encoding="utf-8")
    line = f"{name}={value}"
    after, count = re.subn(rf"(?m)^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*$", lambda _: line, before)
    if not count:
        after = f"{before.rstrip()}\n# {_MEANING[name]}\n{line}\n"
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(after)
            opened.flush()
            os.fsync(handle)
        os.chown(part, file.stat().st_uid, file.stat().st_gid)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
