"""What DATA_KEY means for the files: how they are opened, and whether it holds the keys that they need."""

import functools
import logging

from bootstrap.models import LoadFault
from codes_dict import Refusal
from db.installation import NAMES, own_key
from db.kept import FACEHASH, PEOPLE, UPLOADS, KeptFiles
from db.sealed_with import keys_in_use, set_keys_in_use
from db.session import Database
from env_validator import Settings
from security.sealing import NO_KEY, Seal, key_id

_log = logging.getLogger(__name__)


def kept_files(settings: Settings, database: Database) -> tuple[KeptFiles, KeptFiles]:
    """Return the files of DB_PATH and of UPLOAD_FOLDER, with the keys of DATA_KEY."""
    seal = Seal(settings.data_key)
    names_key = functools.cache(lambda: own_key(database, NAMES))
    people = KeptFiles(settings.db_path, PEOPLE, seal, names_key)
    return people, KeptFiles(settings.upload_folder, UPLOADS, seal, names_key)


def facehash_files(settings: Settings) -> KeptFiles:
    """Return the files of FACEHASH_FOLDER, with the keys of DATA_KEY; their names say nothing about people."""
    return KeptFiles(settings.facehash_folder, FACEHASH, Seal(settings.data_key))


def check_keys(settings: Settings) -> None:
    """Raise `LoadFault` where files are sealed with a key that DATA_KEY lacks, or are unsealed and must not be."""
    held = {key_id(key) for key in settings.data_key}
    faults = []
    for name, root in (("DB_PATH", settings.db_path), ("UPLOAD_FOLDER", settings.upload_folder)):
        lacking = sorted(keys_in_use(root) - held)
        if NO_KEY in lacking:
            faults.append(f"files in {name} are not sealed yet: run bin/rekey --seal with an empty DATA_KEY")
        if found := [one for one in lacking if one != NO_KEY]:
            faults.append(f"files in {name} are sealed with the key {', '.join(found)}, which is not the one given")
    if faults:
        raise LoadFault([f"DATA_KEY: {'; '.join(faults)}"])


def note_keys(*areas: KeptFiles) -> None:
    """Write down that files are sealed with the key that seals now, before the first one is."""
    for kept in areas:
        used, ours = keys_in_use(kept.root), kept.seal.ids[0]
        if ours not in used:
            try:
                set_keys_in_use(kept.root, used | {ours})
            except Refusal as refusal:
                _log.warning("which key seals could not be written down: %s", refusal)


def described(settings: Settings) -> str:
    """Return one line that says what is sealed."""
    first, *others = (key_id(key) for key in settings.data_key)
    if others:
        return f"Files are being sealed anew ({', '.join(others)} to {first}): bin/rekey finishes that."
    if first == NO_KEY:
        return "Photos, faces and embeddings are not sealed on the disk (bin/rekey --seal seals them)."
    return f"Photos, faces and embeddings are sealed with the key {first}."
