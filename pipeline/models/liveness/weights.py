"""The weights of engines that others trained: they count only with the SHA-256 that the registry names."""

from pathlib import Path

from codes_dict import Code, Refusal
from pipeline.models.weights import sha256_of
from pipeline.registry import WeightFile


def check_weights(folder: Path, weights: WeightFile, engine: str) -> Path:
    """Return where the file is in `folder`.

    Raises `Refusal(Code.NO_LIVENESS)` naming the file where it is missing or not the expected one.
    """
    path = folder / weights.file
    if not path.is_file():
        raise Refusal(Code.NO_LIVENESS, f"{engine}'s weights are missing: put {path.name} into {folder}")
    found = sha256_of(path)
    if found != weights.sha256:
        raise Refusal(Code.NO_LIVENESS, f"{path.name} is not {engine}'s: SHA-256 {found}, expected {weights.sha256}")
    return path
