"""`bin/train-liveness`: trains the liveness network on DATA and writes it with its card and its curves."""

import json
from pathlib import Path

import click

from codes_dict import Refusal
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, note, one_line, weights_option

OUT = ROOT / "bin" / "model" / "liveness_best.h5"


@click.command("train-liveness")
@click.argument("data", type=FILE)
@click.option("--out", type=FILE, default=OUT, show_default=False, metavar="FILE", help="The network to write.")
@weights_option
@click.option("--cache", type=FILE, metavar="DIR", help="Store the faces' positions here, for the next run.")
@click.option("--seed", default=1, help="Seed of all random choices.")
@click.option("--steps", default=1500, help="Steps of training the trunk.")
@click.option("--epochs", default=3, help="Most epochs of the heads; left-out sources say when to stop.")
@click.option("--no-figures", is_flag=True, help="Leave out what only the card's figures need.")
def command(
    data: Path, out: Path, weights: Path, cache: Path | None, seed: int, steps: int, epochs: int, no_figures: bool
) -> int:
    """Train the liveness network and write it with its card and its curves; print the figures as JSON.

    DATA holds spoof/SOURCE/{bona_fide,attack}/, lfw/images/ and video/.
    """
    from tools.training.make import Plans, make_model
    from tools.training.train import Plan
    from tools.training.trunk import TrunkPlan

    plans = Plans(TrunkPlan(seed=seed, steps=steps), Plan(seed=seed, epochs=epochs), figures=not no_figures)
    with one_line(Refusal, OSError, ValueError):
        print(json.dumps(make_model(data, out, weights, cache, plans, note), indent=2))
    return DONE
