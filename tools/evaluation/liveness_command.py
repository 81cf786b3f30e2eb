"""`bin/evaluate-liveness`: measures liveness on FOLDER/SOURCE/{bona_fide,attack}/ in the terms of ISO/IEC 30107-3."""

from types import SimpleNamespace
from typing import Any

import click

from codes_dict import Refusal
from tools.cli.exits import DONE
from tools.cli.options import FILE, ROOT, WEIGHTS, note, results

MODEL = ROOT / "bin" / "model" / "liveness_best.h5"


@click.command("evaluate-liveness")
@click.argument("folder", type=FILE)
@click.option("--portraits", type=FILE, metavar="DIR", help="Also judge DIR/PERSON/ photos, as the server does.")
@click.option("--clips", type=FILE, metavar="DIR", help="Also judge clips; attacks have fake in their name.")
@click.option("--model", type=FILE, default=MODEL, show_default=False, metavar="FILE", help="The trained network.")
@click.option("--sha256", help="Accept a model of this SHA-256 beside the one that its card names.")
@click.option("--weights", type=FILE, multiple=True, metavar="DIR", help="Folder of Fasnet's files, or facenox's.")
@click.option("--engines", help="Some of cnn,fasnet,facenox (default: all whose files are found).")
@click.option("--speed", is_flag=True, help="Measure CPU time a face as well, against DeepFace's.")
@click.option("--histogram", type=FILE, metavar="PNG", help="Draw the scores into this file.")
@results(Refusal, OSError, ValueError)
def command(**arguments: Any) -> tuple[Any, int]:
    """Measure liveness on FOLDER/SOURCE/{bona_fide,attack}/, images and clips, in the terms of ISO/IEC 30107-3."""
    from pipeline.models.mtcnn import MtcnnDetector
    from tools.evaluation import liveness_open, liveness_speed
    from tools.training.evaluate import evaluate, judges_of, load_engines, place_of

    given = SimpleNamespace(**arguments)
    places = given.weights or [WEIGHTS, ROOT.parent / "shared" / "weights"]
    engines = given.engines.split(",") if given.engines else None
    measured = evaluate(given.folder, given.model, given.sha256, places, engines, note)
    print(measured.text())
    figures = measured.as_json()
    if given.portraits or given.clips or given.speed:
        chosen = engines or [name for name in figures if name != "fused"]
        judge = load_engines(chosen, given.model, given.sha256, places, WEIGHTS / "compiled")  # as the server runs them
        detector = MtcnnDetector()
    if given.portraits or given.clips:
        rows = liveness_open.measure_open(given.portraits, given.clips, detector, judge, note)
        print(f"\n{liveness_open.as_text(rows)}")
        figures["open"] = liveness_open.as_json(rows)
    if given.speed:
        faces = liveness_speed.six_faces(given.folder, detector)
        peer = liveness_speed.deepface_fasnet(place_of(places, ["fasnet"]) or places[0])
        speed = liveness_speed.measure_speed(judges_of(judge), faces, peer)
        print(f"\n{liveness_speed.as_text(speed)}")
        figures["speed"] = speed
    if given.histogram:
        measured.draw(given.histogram)
    return figures, DONE
