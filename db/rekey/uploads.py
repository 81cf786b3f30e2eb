"""Uploads: files are replaced where they are, or the folder is made anew under its other name."""

import contextlib
import json
import re
from pathlib import Path

from codes_dict import Refusal
from db import files
from db.files import files_in
from db.kept import USED, KeptFiles
from db.rekey.progress import Progress, Step, is_current, opened
from db.uploads import MANIFEST, dated_by, folder_names

_FOLDER = re.compile(r"(?P<person>[^/]+)-(?P<suffix>[0-9a-f]{32})", re.ASCII)
_PSEUDONYM = re.compile(r"[0-9a-f]{32}", re.ASCII)


class UploadsRekeying:
    """All uploads, used or not. `kept` is UPLOAD_FOLDER."""

    def __init__(self, kept: KeptFiles, step: Step) -> None:
        self._kept, self._step = kept, step

    def run(self, progress: Progress) -> None:
        """Write all uploads anew. Raises `Refusal`: DB_DOWN, NO_SPACE."""
        for folder in sorted(self._kept.root.glob("[!.]*-*")):
            found = _FOLDER.fullmatch(folder.name.removesuffix(USED))
            if found is not None and folder.is_dir() and not folder.is_symlink():
                self._upload(folder, found["person"], found["suffix"], progress)

    def _upload(self, folder: Path, person: str, suffix: str, progress: Progress) -> None:
        try:
            name = self._name(folder, person, suffix)
            if name != folder.name:
                self._move(folder, self._kept.root / name, progress)
            elif lacking := [path for path in files_in(folder) if not is_current(self._kept, path)]:
                self._replace(folder, lacking, progress)
        except (Refusal, FileNotFoundError):
            if folder.exists():
                raise
            progress.waiting += 1  # it was enrolled, ended or forgotten meanwhile

    def _name(self, folder: Path, person: str, suffix: str) -> str:
        """Return what the folder should be called."""
        if len(self._kept.seal.forms) == 1:
            return folder.name
        found = opened(self._kept, folder / MANIFEST, Progress())
        if found is not None:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                person = str(json.loads(found[0])["id"])
        elif _PSEUDONYM.fullmatch(person):
            return folder.name
        ending = USED if folder.name.endswith(USED) else ""
        return folder_names(self._kept, f"{person}-{suffix}")[0] + ending

    def _replace(self, folder: Path, lacking: list[Path], progress: Progress) -> None:
        found = {path: opened(self._kept, path, progress) for path in lacking if not path.name.endswith(files.PART)}
        contents = {path: self._kept.sealed(path, one[0]) for path, one in found.items() if one is not None}
        if contents:
            files.write_together(contents, make_folders=False, changed_ns=dated_by(folder).stat().st_mtime_ns)
            self._step("upload replaced")
            progress.changed += len(contents)

    def _move(self, folder: Path, target: Path, progress: Progress) -> None:
        staged = files.part_of(target)
        try:
            if not self._copy(folder, staged, progress):
                return
            self._step("upload copied")
            _rename(staged, target)
        finally:
            files.remove_tree(staged)
        self._step("upload appeared")
        hidden = files.part_of(folder)
        try:
            folder.rename(hidden)
        except FileNotFoundError:  # it was enrolled, ended or forgotten meanwhile: so is the copy
            files.remove_tree(target)
            progress.waiting += 1
            return
        self._step("old upload hidden")
        files.remove_tree(hidden)

    def _copy(self, folder: Path, staged: Path, progress: Progress) -> bool:
        """Write a copy of an upload; False if some of it does not open."""
        made, broken = dated_by(folder).stat().st_mtime_ns, progress.broken
        found = {path: opened(self._kept, path, progress) for path in files_in(folder)}
        if progress.broken > broken:
            return False
        contents = {}
        for path, one in found.items():
            if one is not None and not path.name.endswith(files.PART):
                place = staged / path.relative_to(folder)
                contents[place] = self._kept.sealed(place, one[0])
        staged.mkdir()
        contents = contents or {staged / MANIFEST: self._kept.sealed(staged / MANIFEST, b"{}")}
        files.write_together(contents, changed_ns=made)
        progress.changed += len(contents)
        return True


def _rename(staged: Path, target: Path) -> None:
    with files.working_in(target.parent):
        try:
            staged.rename(target)
        except OSError:
            if not target.is_dir():  # else a pass was killed after this
                raise
        files.sync(target.parent)
