"""How marks of used photos stand in their rows: sealed where DATA_KEY says so, and still found by equality.

Hashes and codes are sealed, bound to their upload. What is looked up, the SHA-256 and the bands of the hash, is
replaced by its keyed hash. The SHA-256 is sealed beside the hash as well, so that bin/rekey can hash both anew.
"""

from dataclasses import dataclass

from pipeline.ports import PhotoMark
from security.sealing import NO_KEY, UNSEALED, Seal, key_of

BANDS, HASH_BYTES = 16, 128
_BAND_BYTES = HASH_BYTES // BANDS


@dataclass(frozen=True)
class MarkRows:
    """Writes and reads the rows of marks with a seal."""

    seal: Seal = UNSEALED

    def digests(self, digest: str) -> list[str]:
        """Return what may stand for a SHA-256 (hex) in its column: as it is written, then as it may be besides."""
        plain = digest.encode()
        return [digest if one == plain else one.hex() for one in self.seal.blinded(plain)]

    def bands(self, fine_hash: bytes) -> list[list[int]]:
        """Return what may stand for the bands of a hash, 16 signed 64-bit numbers: as written, then besides."""
        parts = [fine_hash[start : start + _BAND_BYTES] for start in range(0, HASH_BYTES, _BAND_BYTES)]
        blinded = [self.seal.blinded(bytes([number]) + part) for number, part in enumerate(parts)]
        return [
            [int.from_bytes(one[-_BAND_BYTES:], "big", signed=True) for one in form]
            for form in zip(*blinded, strict=True)
        ]

    def sealed_hash(self, upload_id: str, mark: PhotoMark) -> bytes:
        """Return what the column of the hash holds."""
        if self.seal.ids[0] == NO_KEY:
            return mark.hash
        return self.seal.seal(mark.hash + bytes.fromhex(mark.digest), f"replay/{upload_id}")

    def opened(self, upload_id: str, digest: str, sealed: bytes) -> PhotoMark:
        """Return the mark of a row, without its faces. Raises `SealBrokenError`."""
        text = self.seal.open(sealed, f"replay/{upload_id}")
        own = digest if key_of(sealed) == NO_KEY else text[HASH_BYTES:].hex()
        return PhotoMark(own, text[:HASH_BYTES])

    def sealed_face(self, upload_id: str, code: bytes) -> bytes:
        """Return what the column of a face's code holds."""
        return self.seal.seal(code, f"replay-face/{upload_id}")

    def opened_face(self, upload_id: str, sealed: bytes) -> bytes:
        """Return the code of a face. Raises `SealBrokenError`."""
        return self.seal.open(sealed, f"replay-face/{upload_id}")
