"""Calibration files: finding the one for the selected models, reading it, writing it."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.registry import AUGMENTATION_VERSION, REGISTRY, other_precision
from pipeline.scoring.curve import Curve
from pipeline.scoring.published import PublishedScorer
from pipeline.scoring.scorer import CalibratedScorer, Measured
from pipeline.types import Scorer

FORMAT = 1
"""Changes whenever an older file can no longer be read."""

SHIPPED = Path(__file__).parent / "shipped"
"""The calibrations that come with the product."""

_MEASURED = TypeAdapter(Measured)

_log = logging.getLogger(__name__)

_SHOWS_NOTHING = Curve((1.0,), (0.0,))
"""The curve of data that show no rate below 1, so that nobody passes by it."""


class CalibrationFault(Exception):  # noqa: N818 - names what is wrong with the operator's choice
    """The selected models cannot be scored; the message says what to run or what to change."""


def load_scorer(
    versions: Mapping[str, str],
    sim_func: str,
    num_aug: int,
    fmr: float,
    fpir: float,
    folder: Path | None = None,
) -> Scorer:
    """Return the scorer of these models at the stated rates `fmr` (VER_FMR) and `fpir` (SEARCH_FPIR).

    `versions` maps each selected model to its `Embedder.version`, in either precision. Calibration files in `folder`
    come before the shipped ones. Without any file for exactly these models the published thresholds decide, and nothing
    is promised.
    `num_aug` needs no file of its own: the second look's threshold for another number than was measured is bounded.
    By a file that was made with other augmentations nobody passes in the second look; all else holds.
    Raises `CalibrationFault` where the only calibrations are for other weights or another alignment, where a file
    cannot be read, where `fmr` or `fpir` is lower than the data can show, and where there is no threshold at all.
    """
    if num_aug < 0:
        raise ValueError("num_aug is 0 or more.")
    others: list[Path] = []
    for path, content in _files(folder):
        if set(content["models"]) != set(versions):
            continue
        made = content["models"]
        if not all(made[name] in (version, other_precision(version)) for name, version in versions.items()):
            others.append(path)
        elif sim_func in content["sim_funcs"]:
            return _calibrated(path, content, sim_func, fmr, fpir)
    if others:
        raise CalibrationFault(
            f"the calibration of {', '.join(versions)} was made for other weights or another alignment; "
            f"run bin/calibrate FOLDER --models {','.join(versions)}"
        )
    return _published(versions, sim_func)


def read(content: Mapping[str, Any]) -> Measured:
    """Return what one SIM_FUNC's part of a calibration file holds. Raises `ValueError`."""
    return _MEASURED.validate_python(content)


def write(measured: Measured) -> dict[str, Any]:
    """Return what `read` reads, ready for JSON."""
    return dict(_MEASURED.dump_python(measured))


def file_name(models: Mapping[str, str]) -> str:
    """Return the file name of a calibration of these models."""
    return "+".join(sorted(re.sub(r"[^a-z0-9]", "", name.lower()) for name in models)) + ".json"


def _files(folder: Path | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for place in (folder, SHIPPED):
        if place is None or not place.is_dir():
            continue
        for path in sorted(place.glob("*.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                usable = content["format"] == FORMAT and isinstance(content["models"], dict)
                usable = usable and isinstance(content["sim_funcs"], dict)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CalibrationFault(f"the calibration file {path.name} cannot be read: {_told(error)}") from error
            if not usable:
                raise CalibrationFault(f"the calibration file {path.name} has another format; run bin/calibrate FOLDER")
            yield path, content


def _calibrated(path: Path, content: Mapping[str, Any], sim_func: str, fmr: float, fpir: float) -> CalibratedScorer:
    try:
        measured = read(content["sim_funcs"][sim_func])
    except ValidationError as error:
        raise CalibrationFault(f"the calibration file {path.name} cannot be read: {_told(error)}") from error
    if content.get("augmentation") != AUGMENTATION_VERSION:
        _log.warning("%s was made with other augmentations: no second look passes; run bin/calibrate", path.name)
        measured = replace(measured, augmented=_SHOWS_NOTHING, second={})
    least = measured.single.floor / measured.budget.first
    if fmr < least:
        raise CalibrationFault(
            f"VER_FMR is lower than the calibration {path.name} can show; accepted: {least:.1e} or more, "
            "or run bin/calibrate FOLDER with more people"
        )
    return CalibratedScorer(measured, fmr, fpir)


def _published(versions: Mapping[str, str], sim_func: str) -> PublishedScorer:
    limits: dict[str, float] = {}
    for name in versions:
        limit = REGISTRY[name].thresholds.get(sim_func) if name in REGISTRY else None
        if limit is None:
            raise CalibrationFault(
                f"{name} has neither a calibration nor a published threshold for {sim_func}; "
                f"run bin/calibrate FOLDER --models {','.join(versions)}"
            )
        limits[name] = limit
    return PublishedScorer(limits)


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__} {str(error)[:80]}".strip()
