"""`bin/train-liveness`: trains the liveness network on DATA and writes it with its card and its curves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from codes_dict import Refusal
from tools.cli.table import about

ROOT = Path(__file__).resolve().parents[2]


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/train-liveness", description=about(__doc__))
    parser.add_argument("data", type=Path, help="holds spoof/SOURCE/{bona_fide,attack}/, lfw/images/ and video/")
    parser.add_argument("--out", type=Path, default=ROOT / "bin" / "model" / "liveness_best.h5")
    parser.add_argument("--weights", type=Path, default=ROOT / "bin" / "model" / "weights", help="the teachers' files")
    parser.add_argument("--cache", type=Path, help="a folder that keeps where faces were found, for the next time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1500, help="of training the trunk")
    parser.add_argument("--epochs", type=int, default=3, help="of the heads at most; left-out sources say when to stop")
    parser.add_argument("--no-figures", action="store_true", help="leave out what only the card's figures need")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 with one sentence that says why it failed."""
    given = make_parser().parse_args(arguments)
    from tools.training.make import Plans, make_model
    from tools.training.train import Plan
    from tools.training.trunk import TrunkPlan

    try:
        trunk = TrunkPlan(seed=given.seed, steps=given.steps)
        plans = Plans(trunk, Plan(seed=given.seed, epochs=given.epochs), figures=not given.no_figures)
        figures = make_model(given.data, given.out, given.weights, given.cache, plans, note)
    except (Refusal, OSError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 2
    print(json.dumps(figures, indent=2))
    return 0


def note(line: str) -> None:
    """Show progress on standard error."""
    print(line, file=sys.stderr, flush=True)
