"""What a file is, by its first bytes and never by its name; what is no photo is named, with the remedy."""

import codecs


class Undecodable(Exception):  # noqa: N818 - an answer about a file, not a fault of the program
    """The bytes are not a picture that may be decoded; `reason` is a sentence for the caller, with what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


READ = "JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP"
"""The formats that are read, for sentences."""

_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2"})
_SEQUENCES = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
_RAW = "A camera's raw file"
_VIDEO = "A video"
_SOUND = "A sound file"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "A PDF document"),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"IIU\0", _RAW),
    (b"II\x1a\0\0\0HEAP", _RAW),
    (b"\0MRM", _RAW),
    (b"FOVb", _RAW),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"\0\0\1\xba", _VIDEO),
    (b"FLV", _VIDEO),
    (b"ID3", _SOUND),
    (b"OggS", _SOUND),
    (b"fLaC", _SOUND),
    (b"\xff\xfe", "A text"),
    (b"\xfe\xff", "A text"),
    (b"8BPS", "A Photoshop document"),
    (b"\0\0\0\x0cjP  ", "A JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "A JPEG 2000 image"),
    (b"\0\0\0\x0cJXL ", "A JPEG XL image"),
    (b"\xff\x0a", "A JPEG XL image"),
    (b"\0\0\1\0", "An icon"),
    (b"PK\3\4", "An archive or office document"),
    (b"\xd0\xcf\x11\xe0", "An office document"),
    (b"\x1f\x8b", "An archive"),
    (b"Rar!", "An archive"),
    (b"7z\xbc\xaf", "An archive"),
    (b"\x7fELF", "A program"),
    (b"MZ", "A program"),
)


def kind_of(data: bytes) -> str:
    """Return `jpg`, `png`, `webp`, `heic`, `avif`, `gif`, `tif` or `bmp` by the first bytes.

    Raises `Undecodable`, which names anything else by its kind where it can be told.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF":
        return _riff(data)
    if data[4:8] == b"ftyp":
        return _brand(data)
    if data[4:8] in (b"moov", b"mdat", b"wide"):  # QuickTime, before it had brands
        raise _no_photo(_VIDEO)
    if data[:4] in _TIFF:
        return _tiff(data)
    raise _no_photo(next((name for magic, name in _OTHERS if data.startswith(magic)), None) or _text(data))


def _no_photo(name: str | None) -> Undecodable:
    if name is None:
        return Undecodable(f"This is not a photo in a known format: send a {READ} file.")
    if name == _RAW:
        return Undecodable(f"{_RAW} cannot be read: export the photo as JPEG and send that.")
    if name == _VIDEO:
        return Undecodable(f"{_VIDEO} is not a photo: send a photo, or one frame of it saved as JPEG.")
    return Undecodable(f"{name} is not a photo: send a {READ} file.")


def _riff(data: bytes) -> str:
    if data[8:12] == b"WEBP":
        return "webp"
    raise _no_photo(_VIDEO if data[8:12] == b"AVI " else _SOUND)


def _brand(data: bytes) -> str:
    """Tell apart what shares MP4's container: the brands say whether it is a photo, a burst of photos or a video."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    major, brands = data[8:12], {data[at : at + 4] for at in range(16, end - 3, 4)}
    if major in (b"avif", b"avis") or (major in (b"mif1", b"miaf") and b"avif" in brands):
        return "avif"
    if major in _HEIF or (major in _SEQUENCES and brands & _HEIF):
        return "heic"
    if major in _SEQUENCES:
        raise Undecodable("This is a HEIC sequence: send one photo of it, saved as a still HEIC or JPEG.")
    raise _no_photo({b"crx ": _RAW, b"M4A ": _SOUND, b"M4B ": _SOUND}.get(major, _VIDEO))


def _tiff(data: bytes) -> str:
    """Tell a TIFF from the raw files that share its form: what they show first is a thumbnail."""
    order = "little" if data[:2] == b"II" else "big"
    if data[8:10] == b"CR":
        raise _no_photo(_RAW)
    if data[2:4] in (b"*\0", b"\0*"):
        start = int.from_bytes(data[4:8], order)  # type: ignore[arg-type]
        count = int.from_bytes(data[start : start + 2], order)  # type: ignore[arg-type]
        entries = [data[at : at + 12] for at in range(start + 2, min(start + 2 + 12 * count, len(data)), 12)]
        tags = {int.from_bytes(entry[:2], order): entry for entry in entries}  # type: ignore[arg-type]
        is_thumbnail = 254 in tags and int.from_bytes(tags[254][8:12], order) & 1  # type: ignore[arg-type]
        if 50706 in tags or 33421 in tags or (is_thumbnail and 330 in tags):  # DNGVersion, CFARepeatPatternDim, SubIFDs
            raise _no_photo(_RAW)
    return "tif"


def _text(data: bytes) -> str | None:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "An SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "A web page"
    return "A text" if _is_text(data[:1024]) else None


def _is_text(data: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter.isspace() or letter == "\ufeff" for letter in text)
