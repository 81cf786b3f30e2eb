"""Where weights are: a folder, and a mirror that is another folder or a web address; and how they are fetched."""

import hashlib
import importlib.util
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from codes_dict import Code, Refusal
from pipeline.models import download
from pipeline.models.download import FetchFailed, Progress
from pipeline.registry import ModelSpec, PackagedFile, WeightFile

__all__ = ["FetchFailed", "WeightStore", "check_weights", "packaged_file", "sha256_of"]


class WeightStore:
    """The weight files of this server.

    `folder` is where files are kept and fetched to; `mirror` is looked into first when something has to be fetched:
    a folder, searched by name and by SHA-256, or an http(s) address below which files have their names.
    """

    def __init__(self, folder: Path, mirror: str | None = None) -> None:
        self.folder = folder
        self._mirror = mirror or None
        self._hashes: dict[tuple[Path, int, int], str] = {}
        self._lock = Lock()

    def find(self, file: str, sha256: str | None) -> Path | None:
        """Return where `file` is, without any network; a file of another hash than `sha256` does not count."""
        folders = [self.folder] + ([self._mirror_folder] if self._mirror_folder else [])
        for folder in folders:
            if self._is(folder / file, sha256):
                return folder / file
        for folder in folders if sha256 else []:
            for path in sorted(folder.iterdir()) if folder.is_dir() else []:
                if self._is(path, sha256):
                    return path
        return None

    def locate(self, spec: ModelSpec) -> Path | None:
        """Return a model's weights without any network: the package's that brings them, else the file's."""
        found = packaged_file(spec.packaged) if spec.packaged else None
        if spec.packaged and found and self._is(found, spec.packaged.sha256):
            return found
        return self.find(spec.file, spec.sha256)

    def fetch(
        self, file: str, url: str | None, sha256: str | None, timeout: float, progress: Progress | None = None
    ) -> Path:
        """Return where `file` is, after downloading it into the folder if it was nowhere.

        `timeout` is in seconds and holds for each source as a whole. Raises `FetchFailed` with one sentence per source
        that was tried; nothing is left behind then.
        """
        found = self.find(file, sha256)
        if found is not None:
            return found
        mirror = self._mirror if self._mirror and self._mirror_folder is None else None
        sources = [f"{mirror.rstrip('/')}/{file}"] if mirror else []
        sources += [url] if url else []
        reasons = [] if sources else [f"no address is known from which to fetch {file}"]
        for source in sources:
            try:
                return download.fetch(source, self.folder / file, sha256, timeout, progress)
            except FetchFailed as error:
                reasons.append(str(error))
        raise FetchFailed("; ".join(reasons))

    def fetch_within(self, files: Sequence[WeightFile], limit_s: float) -> dict[str, str]:
        """Fetch several files at once, in `limit_s` seconds at most; return why each missing one is missing, by name.

        An attempt that exceeds the limit goes on in a thread of its own: a DNS lookup has no timeout.
        """
        reasons = {one.file: f"no answer within {limit_s:.0f} s" for one in files}
        timeout = limit_s / (2 if self._mirror and self._mirror_folder is None else 1)

        def fetch(one: WeightFile) -> None:
            try:
                self.fetch(one.file, one.url, one.sha256, timeout)
                del reasons[one.file]
            except FetchFailed as failed:
                reasons[one.file] = str(failed).rstrip(".")

        attempts = [threading.Thread(target=fetch, args=(one,), daemon=True) for one in files]
        for attempt in attempts:
            attempt.start()
        until = time.monotonic() + limit_s
        for attempt in attempts:
            attempt.join(max(0.0, until - time.monotonic()))
        return dict(reasons)

    def is_in_mirror(self, path: Path) -> bool:
        """Tell whether a file that was found lies in the mirror folder, and not in the own one."""
        return self._mirror_folder is not None and path.parent == self._mirror_folder != self.folder

    def sha256(self, path: Path) -> str:
        """Return the SHA-256 of a file in hex; computed again only when its size or time changed."""
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        with self._lock:
            known = self._hashes.get(key)
        if known is None:
            known = sha256_of(path)
            with self._lock:
                self._hashes[key] = known
        return known

    @property
    def _mirror_folder(self) -> Path | None:
        if self._mirror is None or self._mirror.lower().startswith(("http://", "https://")):
            return None
        return Path(self._mirror)

    def _is(self, path: Path, sha256: str | None) -> bool:
        try:
            return path.is_file() and (sha256 is None or self.sha256(path) == sha256)
        except FileNotFoundError:  # what another process was downloading has just got its name
            return False


def packaged_file(weights: PackagedFile) -> Path | None:
    """Return where an installed package keeps a file, without importing the package; its hash is not looked at."""
    spec = importlib.util.find_spec(weights.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / weights.path
        if path.is_file():
            return path
    return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_weights(folder: Path, weights: WeightFile, engine: str) -> Path:
    """Return where a file is in `folder`: weights of others count only with the SHA-256 that the registry names.

    Raises `Refusal(Code.NO_LIVENESS)` naming the file where it is missing or not the expected one.
    """
    path = folder / weights.file
    if not path.is_file():
        raise Refusal(Code.NO_LIVENESS, f"{engine}'s weights are missing: put {path.name} into {folder}")
    found = sha256_of(path)
    if found != weights.sha256:
        raise Refusal(Code.NO_LIVENESS, f"{path.name} is not {engine}'s: SHA-256 {found}, expected {weights.sha256}")
    return path
