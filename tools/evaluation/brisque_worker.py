"""Scores images with the `brisque` package: a script for its own environment, without this repository's packages.

Reads a JSON list of paths from standard input and writes a JSON list of scores to standard output, lower is better.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def score(paths: list[str]) -> list[float]:
    """Return BRISQUE's score of each image with the model that comes inside the package."""
    warnings.simplefilter("ignore")
    measure: Any = importlib.import_module("brisque").BRISQUE(url=False)
    image: Any = importlib.import_module("PIL.Image")
    numpy: Any = importlib.import_module("numpy")
    return [float(measure.score(numpy.asarray(image.open(path).convert("RGB")))) for path in paths]


def main() -> None:
    """Score in as many processes as the first argument says."""
    paths: list[str] = json.load(sys.stdin)
    parts = [paths[start : start + 50] for start in range(0, len(paths), 50)]
    with ProcessPoolExecutor(int(sys.argv[1])) as pool:
        json.dump([value for part in pool.map(score, parts) for value in part], sys.stdout)


if __name__ == "__main__":
    main()
