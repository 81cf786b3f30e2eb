"""From a data folder to a model file, its card and its curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.types import Floats
from tools.training.backbone import pretrained
from tools.training.calibrate import LeftOut, figures
from tools.training.cards import CARD, save_model
from tools.training.folds import PORTRAITS, SAME_PEOPLE, Pool, build_pool
from tools.training.network import assemble, build_statistics, widths
from tools.training.plots import draw_curves
from tools.training.read import Readings, read_with
from tools.training.samples import Arrays, plain, scaled
from tools.training.sources import Item, Sample, clip_items, collect, portrait_items, spoof_items
from tools.training.teachers import load_teachers
from tools.training.train import Fold, Plan, Table, best_epoch, train_all, train_fold

Say = Callable[[str], None]
_HELD_PORTRAITS = 6
_CLIP_STEP = 3


@dataclass(frozen=True, eq=False)
class Data:
    """Everything found in the data folder. `held` are portraits that no fold is trained on."""

    spoof: list[Sample]
    missed: list[Item]
    clips: list[Sample]
    portraits: list[Sample]
    held: list[Sample]

    @property
    def sources(self) -> list[str]:
        """The sources that are left out in turn."""
        return sorted({one.item.source for one in self.spoof})


def make_model(data: Path, out: Path, fasnet: Path, cache: Path | None, plan: Plan, say: Say) -> dict[str, Any]:
    """Train on the folder `data` and write `out` (`.h5`), its card (`.json`) and its curves (`_curves.png`).

    `fasnet` is the folder with Fasnet's files, whose first network the fixed part is copied from; `cache` a folder
    that keeps where faces were found. The same data, plan and machine give the same model. Returns the figures.
    Raises `Refusal(Code.NO_LIVENESS)` where a file of Fasnet's is missing or not the expected one.
    """
    network = pretrained(fasnet)
    found = read_data(data, cache, say)
    pool = build_pool([*found.spoof, *found.clips, *found.portraits], np.random.default_rng(plan.seed), say)
    statistics = build_statistics(network)
    say(f"measuring {len(pool.arrays)} faces")
    table = measured(statistics, pool.arrays)
    folds, judged = train_folds(statistics, pool, table, found, plan, say)
    epochs = best_epoch(list(folds.values()))
    say(f"training on everything for {epochs} epochs")
    heads, losses = train_all(table, pool.weights(()), epochs, plan)
    left_out = left_out_of(found, folds, judged, epochs, _readings(found, fasnet, say))
    story = {"made": made(found, plan, epochs, losses), "measured": figures(left_out, CARD)}
    save_model(assemble(statistics, [(head.kind, head.network) for head in heads]), CARD, story, out)
    curves = {name: (fold.trained, fold.left_out) for name, fold in folds.items()}
    draw_curves(curves, out.with_name(f"{out.stem}_curves.png"))
    return dict(story["measured"])


def read_data(data: Path, cache: Path | None, say: Say) -> Data:
    """Find all faces in the data folder."""
    from pipeline.models.mtcnn import MtcnnDetector

    detector, parts = MtcnnDetector(), {}
    wanted = {
        "spoof": spoof_items(data / "spoof"),
        "clips": clip_items(data / "video", _CLIP_STEP) if (data / "video").is_dir() else [],
        "portraits": portrait_items(data / "lfw" / "images"),
    }
    for name, items in wanted.items():
        say(f"looking for faces in {len(items)} pictures of {name}")
        parts[name] = collect(items, detector, cache / f"boxes_{name}.json" if cache else None)
    portraits = parts["portraits"][0]
    held = portraits[::_HELD_PORTRAITS]
    kept = [one for index, one in enumerate(portraits) if index % _HELD_PORTRAITS]
    return Data(parts["spoof"][0], parts["spoof"][1], parts["clips"][0], kept, held)


def measured(statistics: Any, arrays: Arrays) -> Table:
    """Run the fixed part of the network over arrays of views."""
    rows = []
    for start in range(0, len(arrays), 128):
        parts = statistics([scaled(view[start : start + 128]) for view in arrays.views])
        rows.append(np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1))
    return Table(np.concatenate(rows), arrays.allowed, arrays.groups, widths(statistics))


def train_folds(
    statistics: Any, pool: Pool, table: Table, found: Data, plan: Plan, say: Say
) -> tuple[dict[str, Fold], dict[str, list[Sample]]]:
    """Leave every source out once; return the folds and whose faces they scored, in order."""
    others = [*found.clips, *found.held]
    watched = measured(statistics, plain(others)).statistics
    folds: dict[str, Fold] = {}
    judged: dict[str, list[Sample]] = {}
    for name in found.sources:
        own = [one for one in found.spoof if one.item.source == name]
        folds[name] = train_fold(table, pool.weights([name]), watched, measured(statistics, plain(own)), plan)
        judged[name] = [*own, *others]
        say(f"left out {name}: loss by epoch " + ", ".join(f"{loss:.2f}" for loss in folds[name].left_out))
    return folds, judged


def left_out_of(
    found: Data, folds: dict[str, Fold], judged: dict[str, list[Sample]], epochs: int, readings: Readings
) -> LeftOut:
    """Put together what the folds said of faces that they were not trained on.

    A source's faces come from its own fold, a clip of its people too; held portraits get the mean of all folds.
    Clips of other people were trained on by every fold and are left away.
    """
    own, held = [], []
    for name, fold in folds.items():
        scores = raw_scores(fold, epochs)
        for one, score in zip(judged[name], scores, strict=True):
            if one.item.source == name or one.item.source in SAME_PEOPLE.get(name, ()):
                own.append((one, float(score)))
        held.append([score for one, score in zip(judged[name], scores, strict=True) if one.item.source == PORTRAITS])
    own += list(zip(found.held, np.mean(held, axis=0).tolist(), strict=True))
    samples, raw = [one for one, _ in own], np.array([score for _, score in own], np.float32)
    return LeftOut(samples, raw, readings.of(samples), found.missed)


def made(found: Data, plan: Plan, epochs: int, losses: Sequence[float]) -> dict[str, Any]:
    """Return how the model was made, for its card."""
    return {
        "command": "bin/train-liveness DATA",
        "seed": plan.seed,
        "epochs": epochs,
        "steps_an_epoch": plan.steps,
        "heads": plan.heads,
        "loss": [round(loss, 4) for loss in losses],
        "faces": {
            "sources": len(found.spoof),
            "clips": len(found.clips),
            "portraits": len(found.portraits),
        },
    }


def _readings(found: Data, weights: Path, say: Say) -> Readings:
    say("asking the other engines")
    return read_with(load_teachers(weights), [*found.spoof, *found.clips, *found.held])


def raw_scores(fold: Fold, epochs: int) -> Floats:
    """Return a fold's scores after `epochs` epochs, or its last ones where it stopped earlier."""
    return np.asarray(fold.scores[min(epochs, len(fold.scores)) - 1], dtype=np.float32)
