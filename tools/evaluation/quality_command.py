"""`bin/fit-quality`: fits the quality score on photos of people, FOLDER/PERSON/PHOTO.jpg, and measures it on others."""

from pathlib import Path

import click

from pipeline.models.runtime import ModelUnavailable
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, one_line, weights_option
from tools.evaluation.layout import LayoutError
from tools.evaluation.quality_data import Measurements, load
from tools.evaluation.quality_shipping import TooLittleDataError, cross_validate, fit, table


@click.command("fit-quality")
@click.argument("folder", type=FILE)
@weights_option
@click.option("--copies-of", default=600, help="People whose portraits are degraded.")
@click.option("--seed", default=0, help="Seed of all random choices.")
@click.option("--measured", type=FILE, metavar="FILE", help="Store the measurements here, or read them from it.")
@click.option("--write", is_flag=True, help="Replace the shipped weights and limits.")
def command(folder: Path, weights: Path, copies_of: int, seed: int, measured: Path | None, write: bool) -> int:
    """Fit the quality score on photos of people, FOLDER/PERSON/PHOTO.jpg, and measure it on others."""
    with one_line(LayoutError, ModelUnavailable, TooLittleDataError):
        if measured and measured.is_file():
            data = load(measured)
        else:
            data = measure(folder, weights, copies_of, seed)
            if measured:
                data.save(measured)
        shipped = fit(data)
        print(table(shipped, cross_validate(data)))
    if write:
        shipped.write(ROOT / "pipeline" / "stages" / "quality")
    return DONE


def measure(folder: Path, weights: Path, copies_of: int, seed: int) -> Measurements:
    """Measure the portraits and their degraded copies with the product's own detector and models."""
    from pipeline.models.embedders import load_embedder
    from pipeline.models.mtcnn import MtcnnDetector
    from pipeline.models.weights import WeightStore
    from pipeline.registry import REGISTRY
    from tools.evaluation.layout import read_people
    from tools.evaluation.quality_data import collect

    store = WeightStore(weights)
    models = {name: load_embedder(REGISTRY[name], store) for name in ("Dlib", "MobileFaceNet")}
    return collect(read_people(folder), MtcnnDetector(), models, copies_of, seed)
