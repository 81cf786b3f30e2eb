"""Sealing of what is kept: AES-256-GCM under DATA_KEY, bound to the place where it is kept.

A sealed text is a mark, the id of the key, 24 random bytes, and the ciphertext with its tags. Each has a key of its
own, the HMAC of the random bytes, so that no number of files wears a key out. What is authenticated besides the content
is the mark, the key's id and the place: a sealed text that is moved elsewhere does not open. Large ones are sealed in
parts, whose numbers, and which of them is the last, are in their nonces.
"""

import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from codes_dict import Code, Refusal

KEY_BYTES = 32
NO_KEY = "none"
"""What stands for "not sealed" in DATA_KEY, and for the id of its key."""

_MARK = b"faceapp\x01"
_ID_BYTES, _SALT_BYTES, _NOTE_BYTES, _TAG_BYTES = 8, 24, 2, 16
KEY_SHOWN_BY = len(_MARK) + _ID_BYTES
"""How many bytes of something kept tell its key."""

_HEADER = len(_MARK) + _ID_BYTES + _SALT_BYTES
_PART = 2**26  # bytes sealed at a time: the library takes less than 2 GiB


class SealBrokenError(Refusal):
    """Something kept does not open. `is_foreign`: it is sealed with a key that DATA_KEY does not hold."""

    def __init__(self, why: str, *, is_foreign: bool = False) -> None:
        super().__init__(Code.SEAL_BROKEN, why)
        self.is_foreign = is_foreign


def key_id(key: bytes | None) -> str:
    """Return 16 hex digits that tell a key from others and nothing else; `none` for no key."""
    return NO_KEY if key is None else _derived(key, b"id")[:_ID_BYTES].hex()


def key_of(blob: bytes) -> str:
    """Return the id of the key that something kept is sealed with; `none` if it is not sealed."""
    return blob[len(_MARK) :][:_ID_BYTES].hex() if blob.startswith(_MARK) else NO_KEY


class Seal:
    """The keys of DATA_KEY, 32 bytes each: the first seals, all of them open. None stands for "not sealed"."""

    def __init__(self, keys: Sequence[bytes | None] = (None,)) -> None:
        if any(key is not None and len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._keys = {key_id(key): key for key in keys}
        self._for_texts = {name: _derived(key, b"texts") for name, key in self._keys.items() if key}
        self._for_blinding = {name: _derived(key, b"blinding") for name, key in self._keys.items() if key}

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, the one that seals first."""
        return list(self._keys)

    @property
    def forms(self) -> list[bool]:
        """Whether names are pseudonyms: as they are written first, then as they may be found besides."""
        return list(dict.fromkeys(key is not None for key in self._keys.values()))

    def seal(self, content: bytes, place: str, note: str = "") -> bytes:
        """Return what is kept of a content in its place; a note of up to 65535 bytes may be sealed with it."""
        name = self.ids[0]
        if name == NO_KEY:
            return content
        header = _MARK + bytes.fromhex(name) + secrets.token_bytes(_SALT_BYTES)
        cipher, bound, noted, view = self._cipher(header), _bound(header, place), note.encode(), memoryview(content)
        parts = [header, len(noted).to_bytes(_NOTE_BYTES, "big"), cipher.encrypt(_nonce(0), noted, bound)]
        for number, start in enumerate(range(0, max(len(view), 1), _PART), start=1):
            nonce = _nonce(number, is_last=start + _PART >= len(view))
            parts.append(cipher.encrypt(nonce, view[start : start + _PART], bound))
        return b"".join(parts)

    def open(self, blob: bytes, place: str) -> bytes:
        """Return the content. Raises `SealBrokenError`: it is not what was sealed in this place, or by another key."""
        return self.open_with_note(blob, place)[0]

    def open_with_note(self, blob: bytes, place: str) -> tuple[bytes, str]:
        """Return the content and the note. Raises `SealBrokenError`."""
        name = key_of(blob)
        if name not in self._keys:
            how = "it is not sealed" if name == NO_KEY else f"it is sealed with the key {name}"
            raise SealBrokenError(f"{how}, which DATA_KEY does not hold", is_foreign=name != NO_KEY)
        if name == NO_KEY:
            return blob, ""
        header, noted = blob[:_HEADER], _HEADER + _NOTE_BYTES
        cipher, bound, view = self._cipher(header), _bound(header, place), memoryview(blob)
        begin, step = noted + int.from_bytes(blob[_HEADER:noted], "big") + _TAG_BYTES, _PART + _TAG_BYTES
        try:
            note = cipher.decrypt(_nonce(0), view[noted:begin], bound)
            parts = [
                cipher.decrypt(_nonce(number, is_last=start + step >= len(view)), view[start : start + step], bound)
                for number, start in enumerate(range(begin, max(len(view), begin + 1), step), start=1)
            ]
        except InvalidTag:
            raise SealBrokenError("it is not what was sealed in its place") from None
        return parts[0] if len(parts) == 1 else b"".join(parts), note.decode()

    def is_current(self, blob: bytes) -> bool:
        """Whether something kept is sealed with the key that seals now."""
        return key_of(blob) == self.ids[0]

    def blinded(self, value: bytes) -> list[bytes]:
        """Return what stands for a value that is looked up by equality: its keyed hash of 32 bytes under each key.

        The one that is written comes first; where nothing is sealed it is the value.
        """
        return [
            value if name == NO_KEY else hmac.digest(self._for_blinding[name], value, "sha256") for name in self._keys
        ]

    def _cipher(self, header: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._for_texts[key_of(header)], header[-_SALT_BYTES:], "sha256"))


UNSEALED = Seal()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"faceapp " + purpose, "sha256")


def _nonce(number: int, *, is_last: bool = False) -> bytes:
    """Return the nonce of a part: unique, as each text has a key of its own."""
    return bytes(7) + bytes([is_last]) + number.to_bytes(4, "big")


def _bound(header: bytes, place: str) -> bytes:
    return header[:-_SALT_BYTES] + place.encode()
