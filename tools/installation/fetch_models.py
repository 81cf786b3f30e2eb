"""Downloading weight files: what `bin/fetch-models` does, and the one file that the first start fetches."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.models.download import Progress
from pipeline.models.weights import FetchFailed, WeightStore
from pipeline.registry import ATTRIBUTE_WEIGHTS, FACENOX_WEIGHTS, FASNET_WEIGHTS, REGISTRY, WeightFile
from tools.installation.environment import SetupError
from tools.installation.first_settings import FirstChoice

FOLDER = Path(__file__).resolve().parents[2] / "bin" / "model" / "weights"

_FILES: dict[str, tuple[WeightFile, ...]] = {
    **{name: (spec.weights,) for name, spec in REGISTRY.items()},
    "Fasnet": FASNET_WEIGHTS,
    "Facenox": (FACENOX_WEIGHTS,),
    **{name.capitalize(): (weights,) for name, weights in ATTRIBUTE_WEIGHTS.items()},
}

AT_START = "MobileFaceNet"
LIMIT_S = 10.0
"""Seconds that fetching it may take at the first start."""


def main(arguments: Sequence[str]) -> int:
    """Fetch the named models, or all; 0 if every file is there, 1 if one is missing, 2 for wrong arguments."""
    options = make_parser().parse_args(arguments)
    unknown = [name for name in options.names if name not in _FILES]
    if unknown:
        print(f"Unknown model: {', '.join(unknown)}. Known models: {', '.join(_FILES)}.", file=sys.stderr)
        return 2
    try:
        store = WeightStore(options.folder, FirstChoice.of(options.mirror, "", Path.cwd()).mirror)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    names = options.names or list(_FILES)
    brought = [_bring(name, store, options.timeout) for name in names]
    return 0 if all(brought) else 1


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


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(
        prog="bin/fetch-models", description="Fetch the weights of recognition and liveness models."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default all of: {', '.join(_FILES)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to store files (default bin/model/weights)")
    parser.add_argument("--mirror", default="", help="a folder or an http(s) URL to look in first")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one file (default 1800)")
    return parser


def _bring(name: str, store: WeightStore, timeout: float) -> bool:
    """Print a line about the model; returns whether all of its files are there."""
    for weights in _FILES[name]:
        found = store.locate(REGISTRY[name]) if name in REGISTRY else store.find(weights.file, weights.sha256)
        if found is not None and not store.is_in_mirror(found):
            print(f"{name}: there, {found}")
            continue
        try:
            if found is not None:
                print(f"{name}: copied, {_copied(found, store.folder / weights.file)}")
                continue
            with _bar(weights.file) as progress:
                path = store.fetch(weights.file, weights.url, weights.sha256, timeout, progress)
        except (FetchFailed, OSError) as reason:
            print(f"{name}: {reason}; put {weights.file} into {store.folder} yourself", file=sys.stderr)
            return False
        print(f"{name}: fetched, {path} ({weights.licence})")
    return True


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
