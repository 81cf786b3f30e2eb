"""Uploads: the photos of one /upload_imgs request, to be enrolled or verified."""

import contextlib
import hashlib
import json
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from codes_dict import Code, Refusal
from db import files, upload_cache
from db.kept import USED, KeptFiles
from pipeline.ports import NewImage, StoredImage, StoredPhoto
from pipeline.pseudonym import upload_pseudonym
from security.sealing import SealBrokenError

log = logging.getLogger(__name__)

MANIFEST, _CACHE = "manifest.json", "seen.json"
_UPLOAD_ID = re.compile(r"(?P<id>[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})-(?P<suffix>[0-9a-f]{32})", re.ASCII)
_EXTENSION = re.compile(r"[a-z0-9]{1,5}", re.ASCII)
_SAVED_AS = re.compile(r"[0-9]{4,6}\.[a-z0-9]{1,5}", re.ASCII)


@dataclass(frozen=True)
class StoredUpload:
    """An upload that can be used. `id` is the ID that it was made for, `folder` where it is on the disk.

    `challenge` names the actions that its photos answer, if any. `kept` is UPLOAD_FOLDER.
    """

    upload_id: str
    id: str
    images: tuple[StoredImage, ...]
    folder: Path
    kept: KeptFiles
    challenge: tuple[str, ...] = ()

    def file(self, name: str) -> bytes | None:
        """Return a file's content, None if it is gone; bin/rekey may have just given the folder its other name.

        Raises `SealBrokenError`.
        """
        places = [self.folder, *(self.kept.root / folder for folder in folder_names(self.kept, self.upload_id))]
        found = (self.kept.read(place / name) for place in dict.fromkeys(places))
        return next((data for data in found if data is not None), None)

    def load(self) -> list[StoredPhoto]:
        """Return every photo with its bytes and what was computed of them, in the order of the upload.

        Raises `Refusal` with NO_IMAGES if there is none, with IMAGE_MISSING if some files are gone, with UPLOAD_GONE
        if the whole upload is.
        """
        found = [(image, data) for image in self.images if (data := self.file(image.saved_as)) is not None]
        if len(found) < max(1, len(self.images)) and folder_of(self.kept, self.upload_id) is None:
            raise Refusal(Code.UPLOAD_GONE, "another request has just used the upload, or it ended", field="upload_id")
        if not found:
            raise Refusal(Code.NO_IMAGES, f"upload {upload_pseudonym(self.upload_id)} has no images left")
        existing = [image for image, _ in found]
        missing = [image for image in self.images if image not in existing]
        if missing:
            names = ", ".join(image.saved_as for image in missing)
            first = missing[0].name or missing[0].saved_as
            raise Refusal(Code.IMAGE_MISSING, f"upload {upload_pseudonym(self.upload_id)} lacks {names}", file=first)
        data = self.file(_CACHE)
        cached = {} if data is None else upload_cache.decode(data, self.upload_id)
        unchanged = {image for image, data in found if hashlib.sha256(data).hexdigest() == image.digest}
        return [
            StoredPhoto(image, data, cached.get(image.saved_as) if image in unchanged else None)
            for image, data in found
        ]


class UploadStore:
    """The uploads in UPLOAD_FOLDER. `suffix` draws the unguessable part of an upload_id, 32 hex digits.

    An upload's folder is called `ID-suffix`; where uploads are sealed, a keyed hash stands for the ID.
    """

    def __init__(self, kept: KeptFiles, suffix: Callable[[], str] = lambda: secrets.token_hex(16)) -> None:
        self.kept, self.root, self._suffix = kept, kept.root, suffix
        self._known: dict[str, str] = {}

    def create(self, person_id: str, images: Sequence[NewImage], challenge: Sequence[str] = ()) -> StoredUpload:
        """Store photos as a new upload, all or none. Raises `Refusal(Code.NO_SPACE)`."""
        upload_id = f"{person_id}-{self._suffix()}"
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise ValueError("the ID cannot name a folder")
        stored = tuple(
            StoredImage(f"{number:04}.{_checked(image.extension)}", image.digest, image.score, image.name)
            for number, image in enumerate(images, start=1)
        )
        folder = self.root / folder_names(self.kept, upload_id)[0]
        manifest = {"id": person_id, "images": [asdict(kept) for kept in stored], "challenge": list(challenge)}
        contents = {kept.saved_as: image.data for kept, image in zip(stored, images, strict=True)}
        computed = {kept.saved_as: image.cache for kept, image in zip(stored, images, strict=True) if image.cache}
        contents |= {_CACHE: upload_cache.encode(computed), MANIFEST: json.dumps(manifest).encode()}
        self.kept.write_folder(folder, contents)
        return StoredUpload(upload_id, person_id, stored, folder, self.kept, tuple(challenge))

    def open(self, upload_id: str) -> StoredUpload:
        """Return an upload. Raises `Refusal(Code.UPLOAD_GONE)` if the id is malformed, unknown or used."""
        parts = _UPLOAD_ID.fullmatch(upload_id)
        folder = folder_of(self.kept, upload_id) if parts else None
        if parts is None or folder is None or self.is_used(upload_id):
            raise Refusal(Code.UPLOAD_GONE, field="upload_id")
        upload = StoredUpload(upload_id, parts["id"], (), folder, self.kept)
        images, challenge = _manifest(upload.file(MANIFEST), upload_id)
        return replace(upload, images=images, challenge=challenge)

    def mark_used(self, upload_id: str) -> None:
        """Rename the folder, so that the upload cannot be used again. Raises `Refusal(Code.NO_SPACE)`."""
        with files.working_in(self.root):
            for name in folder_names(self.kept, upload_id):
                with contextlib.suppress(FileNotFoundError):
                    (self.root / name).rename(self.root / f"{name}{USED}")
                    files.sync(self.root)
        if not self.is_used(upload_id):
            log.warning("upload %s is gone", upload_pseudonym(upload_id))

    def waiting(self) -> Iterator[str]:
        """Return the upload_ids that are not used."""
        names = (path.name for path in files.found_in(self.root, _UPLOAD_ID.fullmatch))
        if not any(self.kept.seal.forms):
            return names
        self._known = {name: self._known.get(name) or self._upload_id(name) for name in names}
        return filter(None, self._known.values())

    def _upload_id(self, name: str) -> str:
        """Return the upload_id of a sealed folder; empty if its manifest does not tell."""
        suffix = name.rpartition("-")[2]
        try:
            person_id = str(json.loads(self.kept.read(self.root / name / MANIFEST) or b"{}")["id"])
        except (SealBrokenError, ValueError, KeyError, TypeError) as error:
            log.warning("an upload's manifest cannot be read: %s", type(error).__name__)
            return ""
        return f"{person_id}-{suffix}"

    def expire(self, before: float) -> int:
        """Remove uploads, used or not, made before that time (seconds since 1970); return how many."""
        found = files.found_in(self.root, lambda name: _UPLOAD_ID.fullmatch(name.removesuffix(USED)))
        ended = [path for path in found if files.is_older(dated_by(path), before)]
        return sum(map(self._remove, ended))

    def count(self, person_id: str) -> dict[str, int]:
        """Return how many uploads an ID has, used or not, and how many photos these hold."""
        found = self._of(person_id)
        photos = sum(1 for one in found for _ in files.found_in(one, _SAVED_AS.fullmatch))
        return {"uploads": len(found), "uploaded_photos": photos}

    def forget(self, person_id: str) -> None:
        """Remove all uploads of an ID, unfinished ones too. Raises `Refusal(Code.NO_SPACE)` if one remains."""
        with files.working_in(self.root):
            for path in self._of(person_id):
                self._remove(path)
        if self._of(person_id):
            raise Refusal(Code.NO_SPACE, "an upload of a person who is being forgotten cannot be removed")

    def _of(self, person_id: str) -> list[Path]:
        with files.working_in(self.root):
            self.root.stat()  # while the folder is away, nobody's uploads are gone
        ids = "|".join(re.escape(name) for name in self.kept.names(person_id))
        name = re.compile(rf"\.*({ids})-[0-9a-f]{{32}}({USED})?(\.[^/]*{re.escape(files.PART)})?")
        return sorted(files.found_in(self.root, name.fullmatch))

    def sweep(self, before: float) -> int:
        """Remove unfinished uploads of dead processes, and those last changed before that time; return how many."""
        staged = [path for path in files.unfinished_in(self.root) if path.is_dir() and not path.is_symlink()]
        left = [path for path in staged if files.is_left_over(path) or files.is_older(path, before)]
        return sum(files.remove_tree(path) for path in left)

    def _remove(self, folder: Path) -> bool:
        """Remove an upload: its name goes first, so that nobody opens half of it."""
        hidden = files.part_of(folder)
        try:
            folder.rename(hidden)
        except FileNotFoundError:  # another process was faster
            return False
        return files.remove_tree(hidden)

    def discard(self, upload_id: str) -> None:
        """Remove an upload that is not used."""
        for name in folder_names(self.kept, upload_id):
            self._remove(self.root / name)

    def is_used(self, upload_id: str) -> bool:
        """Whether the upload is enrolled, as its folder's name tells."""
        return any((self.root / f"{name}{USED}").exists() for name in folder_names(self.kept, upload_id))


def dated_by(folder: Path) -> Path:
    """Return what shows by its time of modification when an upload was made: its manifest, or else the folder."""
    manifest = folder / MANIFEST
    return manifest if manifest.exists() else folder


def folder_names(kept: KeptFiles, upload_id: str) -> list[str]:
    """Return what an upload's folder is called: as it is made, then as it may be called besides."""
    person_id, _, suffix = upload_id.rpartition("-")
    return [f"{name}-{suffix}" for name in kept.names(person_id)]


def folder_of(kept: KeptFiles, upload_id: str) -> Path | None:
    """Return where a waiting upload is on the disk; None where it is used, has ended or never was."""
    names = folder_names(kept, upload_id)
    places = [kept.root / name for name in (*names, names[0])]
    return next((place for place in places if place.is_dir() and not place.is_symlink()), None)


def _checked(extension: str) -> str:
    if not _EXTENSION.fullmatch(extension):
        raise ValueError("a file's extension is 1 to 5 of a-z and 0-9")
    return extension


def _manifest(data: bytes | None, upload_id: str) -> tuple[tuple[StoredImage, ...], tuple[str, ...]]:
    """Return the images and the challenge; no images if the manifest is missing or damaged."""
    if data is None:
        log.warning("upload %s has no manifest", upload_pseudonym(upload_id))
        return (), ()
    try:
        content = json.loads(data)
        images = tuple(StoredImage(**image) for image in content["images"])
        challenge = tuple(str(action) for action in content.get("challenge", ()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("upload %s: its manifest is damaged: %s", upload_pseudonym(upload_id), type(error).__name__)
        return (), ()
    texts = (one for one in images if isinstance(one.saved_as, str) and isinstance(one.name, str))
    return tuple(image for image in texts if _SAVED_AS.fullmatch(image.saved_as)), challenge
