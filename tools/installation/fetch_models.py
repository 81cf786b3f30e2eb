"""Downloading weight files: what `bin/fetch-models` does, and the one file that the first start fetches."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.models.download import Progress
from pipeline.models.weights import FetchFailed, WeightStore
from pipeline.registry import ATTRIBUTE_WEIGHTS, FACENOX_WEIGHTS, FASNET_WEIGHTS, REGISTRY, WeightFile
from tools.cli.exits import DONE, NO
from tools.cli.options import FILE, WEIGHTS, results, text_option
from tools.installation.environment import SetupError
from tools.installation.first_settings import FirstChoice

_FILES: dict[str, tuple[WeightFile, ...]] = {
    **{name: (spec.weights,) for name, spec in REGISTRY.items()},
    "Fasnet": FASNET_WEIGHTS,
    "Facenox": (FACENOX_WEIGHTS,),
    **{name.capitalize(): (weights,) for name, weights in ATTRIBUTE_WEIGHTS.items()},
}

AT_START = "MobileFaceNet"
LIMIT_S = 10.0
"""Seconds that fetching it may take at the first start."""


@click.command("fetch-models")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--folder", type=FILE, default=WEIGHTS, show_default=False, metavar="DIR",
              help="Where to store files (default: bin/model/weights).")  # fmt: skip
@text_option("--mirror", metavar="FOLDER_OR_URL", help="Where to look first.")
@click.option("--timeout", default=1800.0, metavar="SECONDS", help="For one file.")
@results(SetupError)
def command(names: Sequence[str], folder: Path, mirror: str, timeout: float) -> tuple[Any, int]:
    """Fetch the weights of the named recognition and liveness models, or of all. Exit code 1: one is missing."""
    unknown = [name for name in names if name not in _FILES]
    if unknown:
        raise click.UsageError(f"Unknown model: {', '.join(unknown)}. Known models: {', '.join(_FILES)}.")
    store = WeightStore(folder, FirstChoice.of(mirror, "", Path.cwd()).mirror)
    found = [_bring(name, weights, store, timeout) for name in names or _FILES for weights in _FILES[name]]
    return {"files": found}, NO if any(one["state"] == "missing" for one in found) else DONE


def fetch_mobilefacenet(root: Path, choice: FirstChoice, say: Callable[[str], None]) -> str:
    """Return why the weights are not available, empty if they are.

    A mirror folder is searched by SHA-256. Nothing else is tried if downloads are not allowed.
    """
    weights = REGISTRY[AT_START].weights
    store = WeightStore(root / "bin" / "model" / "weights", choice.mirror)
    if store.find(weights.file, weights.sha256):
        return ""
    if not choice.fetch:
        return "FETCH_MODELS is false"
    say(f"Fetching {AT_START} (4 MB, {weights.licence}), {LIMIT_S:.0f} s at most")
    return store.fetch_within([weights], LIMIT_S).get(weights.file, "")


def _bring(name: str, weights: WeightFile, store: WeightStore, timeout: float) -> dict[str, str]:
    """Fetch or find a file of a model; print what became of it, and return that."""
    found = store.locate(REGISTRY[name]) if name in REGISTRY else store.find(weights.file, weights.sha256)
    state, path = "there", found
    try:
        if found is None:
            with _bar(weights.file) as progress:
                state, path = "fetched", store.fetch(weights.file, weights.url, weights.sha256, timeout, progress)
        elif store.is_in_mirror(found):
            state, path = "copied", _copied(found, store.folder / weights.file)
    except (FetchFailed, OSError) as reason:
        print(f"{name}: {reason}; put {weights.file} into {store.folder} yourself", file=sys.stderr)
        return {"model": name, "file": weights.file, "state": "missing", "reason": str(reason)}
    print(f"{name}: {state}, {path}{f' ({weights.licence})' if state == 'fetched' else ''}")
    return {"model": name, "file": str(path), "state": state, "licence": weights.licence}


def _copied(source: Path, target: Path) -> Path:
    """Copy a file of the mirror, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(source, part)
        return part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _bar(file: str) -> Iterator[Progress]:
    from tqdm import tqdm

    with tqdm(desc=file, unit="B", unit_scale=True, leave=False, disable=None) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
