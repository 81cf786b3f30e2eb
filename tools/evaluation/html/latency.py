"""Where the time of a request goes: photos of the evaluated people, uploaded to a server of our own and verified."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.benchmark.client import Client, server
from tools.evaluation.layout import Dataset

MOST_SENT = 3


def measure(data: Dataset, models: Sequence[str], mirror: Path, requests: int) -> dict[str, Any]:
    """Verify people with liveness over HTTP and return each stage's milliseconds: `median`, `p90`, `share` of the sum.

    Everybody measured is enrolled with one photo and verified with up to three others. Raises `ValueError` where
    nobody has two photos that the server keeps.
    """
    changes = {"SELECTED_MODELS": ",".join(models), "MODEL_MIRROR": str(mirror)}
    runs: list[dict[str, float]] = []
    sent = 0
    scratch = tempfile.TemporaryDirectory(prefix="faceapp-latency-")
    with scratch as folder, server(Path(folder) / "server", changes) as running:
        client = Client(running)
        for number, photos in enumerate(people(data)):
            if len(runs) >= requests:
                break
            try:
                client.enrol(f"RECO_ID_{number}", photos[:1])
                client.verify(f"RECO_ID_{number}", photos[1:], liveness=True)
            except RuntimeError:  # the server kept none of the photos
                continue
            runs.append(dict(client.stages))
            sent += len(photos) - 1
    if not runs:
        raise ValueError("Nobody has two photos with a face, so no request can be timed.")
    return {"requests": len(runs), "photos": sent, "stages": stages(runs)}


def people(data: Dataset) -> Iterator[list[bytes]]:
    """Yield the photos of everybody who has two or more, as file bytes, those with most photos first."""
    files: dict[int, list[Path]] = {}
    for person, file in zip(data.person, data.files, strict=True):
        files.setdefault(person, []).append(file)
    for its in sorted(files.values(), key=len, reverse=True):
        if len(its) > 1:
            yield [file.read_bytes() for file in its[: 1 + MOST_SENT]]


def stages(runs: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return `median`, `p90` and `share` of each stage over the requests that reached it, in the stages' order."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    times = {name: sorted(run[name] for run in runs if name in run) for name in names}
    whole = sum(statistics.fmean(its) for its in times.values()) or 1.0
    return {
        name: {
            "median": statistics.median(its),
            "p90": its[min(len(its) - 1, round(0.9 * (len(its) - 1)))],
            "share": statistics.fmean(its) / whole,
        }
        for name, its in times.items()
    }
