"""From a data folder to a model file, its card and its curves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.views import cut_view
from pipeline.types import Floats
from tools.cli.options import batches
from tools.training.calibrate import LeftOut, figures, offset_of, reaches
from tools.training.cards import CARD, save_model
from tools.training.folds import SAME_PEOPLE, Pool, build_pool, clips_apart
from tools.training.lessons import Bytes, give_lessons
from tools.training.network import around_odds, assemble, build_statistics
from tools.training.samples import Arrays, plain
from tools.training.sources import (
    PORTRAITS,
    Item,
    Sample,
    clip_items,
    collect,
    portrait_items,
    read_pixels,
    spoof_items,
)
from tools.training.teachers import Teachers, load_teachers
from tools.training.train import Fold, Plan, Table, best_epoch, train_all, train_fold
from tools.training.trunk import AROUND_VIEW, LESSON_VIEW, TrunkPlan, train_trunk, trunk_outputs

Say = Callable[[str], None]
_HELD_PORTRAITS = 6
_CLIP_STEP = 3


@dataclass(frozen=True)
class Plans:
    """How the trunk and the heads are trained, and whether trunks are trained for the card's figures alone."""

    trunk: TrunkPlan = field(default_factory=TrunkPlan)
    heads: Plan = field(default_factory=Plan)
    figures: bool = True


@dataclass(frozen=True, eq=False)
class Data:
    """Everything found in the data folder. `held` are portraits that nothing is trained on."""

    spoof: list[Sample]
    missed: list[Item]
    clips: list[Sample]
    portraits: list[Sample]
    held: list[Sample]

    @property
    def sources(self) -> list[str]:
        """The sources that are left out in turn."""
        return sorted({one.item.source for one in self.spoof})

    @property
    def trained(self) -> list[Sample]:
        """The faces that are trained on."""
        return [*self.spoof, *self.clips, *self.portraits]

    @property
    def measured(self) -> list[Sample]:
        """The faces that figures are about."""
        return [*self.spoof, *self.clips, *self.held]


@dataclass(frozen=True, eq=False)
class Heads:
    """The trained heads, what they weigh, and the folds that said how many epochs to train them."""

    statistics: Any
    networks: list[Any]
    folds: dict[str, Fold]
    epochs: int
    losses: list[float]


def make_model(data: Path, out: Path, weights: Path, cache: Path | None, plans: Plans, say: Say) -> dict[str, Any]:
    """Train on the folder `data` and write `out` (`.h5`), its card (`.json`) and its curves (`_curves.png`).

    `weights` is the folder with the teachers' files, Fasnet's and facenox's; `cache` one that keeps where faces were
    found. The same data, plans and machine give the same model. Returns the figures, if they are planned. Raises
    `Refusal(Code.NO_LIVENESS)` where a teacher's file is missing or not the expected one.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    found = read_data(data, cache, say)
    with TemporaryDirectory() as folder:
        teachers = load_teachers(weights, Path(folder))
    trunk, offset, around = train_trunks(found, teachers, plans, say)
    heads = train_heads(found, plans.heads, say)
    story = {"made": made(found, plans, heads)}
    if plans.figures:
        voted = votes(found, heads.folds, heads.epochs)
        left_out = LeftOut(found.measured, voted, around, teachers.read(found.measured), found.missed)
        story |= {"reaches": reaches(left_out), "measured": figures(left_out)}
    save_model(assemble(trunk, heads.statistics, heads.networks, offset), CARD, story, out)
    curves = {name: (fold.trained, fold.left_out) for name, fold in heads.folds.items()}
    draw_curves(curves, out.with_name(f"{out.stem}_curves.png"))
    return dict(story.get("measured", {}))


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
    kept = [one for index, one in enumerate(portraits) if index % _HELD_PORTRAITS]
    return Data(*parts["spoof"], parts["clips"][0], kept, portraits[::_HELD_PORTRAITS])


def train_trunks(found: Data, teachers: Teachers, plans: Plans, say: Say) -> tuple[Any, float, Floats]:
    """Train the trunk that is shipped, and one for each set of clips that is left out.

    Returns the first, its offset, and log-odds less the offset (n,) of `found.measured`: a clip's from the trunk that
    has not seen it nor its people, those of held portraits as the mean of all trunks but the shipped one.
    """
    plan = plans.trunk
    lessons = give_lessons(found.trained, teachers, LESSON_VIEW, plan.seed, say)
    faces, sources = around_views(found.measured), np.array([one.item.source for one in found.measured])
    odds, unseen = [], []
    left_out = clips_apart(set(sources.tolist())) if plans.figures else []
    for apart in (*left_out, frozenset[str]()):
        say(f"training a trunk without {', '.join(sorted(apart)) or 'leaving anything out'}")
        trunk = train_trunk(lessons, lessons.shares(sorted(apart)), plan, say)
        told = around_odds(trunk_outputs(trunk, faces))
        offset = offset_of(told, found.measured)
        odds.append(told - np.float32(offset))
        unseen.append(np.isin(sources, [*apart, PORTRAITS] if apart else []))
    return trunk, offset, _of_unseen(np.stack(odds), np.stack(unseen))


def around_views(samples: Sequence[Sample]) -> Bytes:
    """Cut what the trunk sees of every sample out of its picture, which is read again: uint8 RGB (n, size, size, 3)."""
    boxes = {one.item: one.box for one in samples}
    pairs = read_pixels([one.item for one in samples])
    return np.stack([cut_view(pixels, boxes[item], AROUND_VIEW) for item, pixels in pairs])


def train_heads(found: Data, plan: Plan, say: Say) -> Heads:
    """Train the heads with each source left out, then on everything for as long as that served left-out sources."""
    pool = build_pool(found.trained, np.random.default_rng(plan.seed), say)
    statistics = build_statistics()
    say(f"measuring {len(pool.arrays)} faces")
    table = measured(statistics, pool.arrays)
    folds = train_folds(statistics, pool, table, found, plan, say)
    epochs = best_epoch(list(folds.values()))
    say(f"training the heads on everything for {epochs} epochs")
    networks, losses = train_all(table, pool.weights(()), epochs, plan)
    return Heads(statistics, networks, folds, epochs, losses)


def measured(statistics: Any, arrays: Arrays) -> Table:
    """Count the shares of the faces of arrays."""
    parts = batches(arrays.faces, 128)
    rows = [np.asarray(statistics(np.stack(part).astype(np.float32)), dtype=np.float32) for part in parts]
    return Table(np.concatenate(rows), arrays.allowed, arrays.groups)


def train_folds(statistics: Any, pool: Pool, table: Table, found: Data, plan: Plan, say: Say) -> dict[str, Fold]:
    """Leave every source out once; each fold scores that source's faces, then all clips and held portraits."""
    watched = measured(statistics, plain([*found.clips, *found.held])).statistics
    folds: dict[str, Fold] = {}
    for name in found.sources:
        own = plain([one for one in found.spoof if one.item.source == name])
        folds[name] = train_fold(table, pool.weights([name]), watched, measured(statistics, own), plan)
        say(f"left out {name}: loss by epoch " + ", ".join(f"{loss:.2f}" for loss in folds[name].left_out))
    return folds


def votes(found: Data, folds: Mapping[str, Fold], epochs: int) -> Floats:
    """Return the heads' vote (n,) on `found.measured`, of folds that were not trained on a face's source.

    A fold that stopped before `epochs` has its last vote. All folds were trained on the clips of others; of such a clip
    the vote is their mean.
    """
    own = {name: iter(fold.scores[min(epochs, len(fold.scores)) - 1]) for name, fold in folds.items()}
    of_sources = [float(next(own[one.item.source])) for one in found.spoof]
    rest = {name: np.array(list(values), np.float32) for name, values in own.items()}
    others = []
    for index, one in enumerate([*found.clips, *found.held]):
        apart = [values for name, values in rest.items() if one.item.source in SAME_PEOPLE.get(name, ())]
        others.append(np.mean([values[index] for values in apart or rest.values()]))
    return np.array([*of_sources, *others], np.float32)


def made(found: Data, plans: Plans, heads: Heads) -> dict[str, Any]:
    """Return how the model was made, for its card."""
    return {
        "command": "bin/train-liveness DATA",
        "seed": plans.trunk.seed,
        "trunk_steps": plans.trunk.steps,
        "head_epochs": heads.epochs,
        "steps_an_epoch": plans.heads.steps,
        "heads": plans.heads.heads,
        "loss": [round(loss, 4) for loss in heads.losses],
        "faces": {"sources": len(found.spoof), "clips": len(found.clips), PORTRAITS: len(found.portraits)},
    }


def draw_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Draw each fold's loss by epoch, in training (dashed) and on its left-out sources, into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="tight")
    panel = figure.subplots()
    for index, (name, (trained, left_out)) in enumerate(curves.items()):
        colour = f"C{index % 10}"
        panel.plot(range(1, len(trained) + 1), trained, "--", color=colour)
        panel.plot(range(1, len(left_out) + 1), left_out, color=colour, marker="o", markersize=3, label=name)
    panel.axhline(0.693, color="grey", linewidth=0.8)
    panel.set(xlabel="epoch", ylabel="cross-entropy in nats (0.693 is chance)")
    panel.legend(title="left out", fontsize="small")
    figure.savefig(path, dpi=100)


def _of_unseen(odds: Floats, unseen: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean of the trunks (rows) that have not seen a face's source, else the last one's: (n,)."""
    chosen = unseen.copy()
    chosen[-1] |= ~chosen.any(axis=0)
    return np.asarray((odds * chosen).sum(axis=0) / chosen.sum(axis=0), dtype=np.float32)
