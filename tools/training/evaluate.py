"""Measures the shipped engines, each alone and fused, on a folder of sources.

Faces that fill their photo are judged here; beside that stands how many of them the server leaves uncertain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.models.liveness.guards import doubt_about_room
from pipeline.models.liveness.judge import Judge, load_judge
from pipeline.registry import LIVENESS_FILES as FILES
from pipeline.stages.align import crop_face
from pipeline.types import Detector, Face, Liveness, LivenessVerdict, Photo, Pixels
from tools.cli.options import batches
from tools.training.metrics import Presentation, Rate, as_json, by_kind, by_source, report
from tools.training.sources import Item, read_pixels, spoof_items

Say = Callable[[str], None]
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Measured:
    """What every engine said of every picture: engine to presentations, in the items' order.

    `tight` says of every picture with a face whether that fills the frame, and whether it is an attack.
    """

    engines: dict[str, list[Presentation]]
    tight: list[tuple[bool, bool]]

    def as_json(self) -> dict[str, object]:
        """Return all reports as plain data, by engine."""
        return {name: as_json(rows) for name, rows in self.engines.items()}

    def text(self) -> str:
        """Return the reports as text for people."""
        reports = [_engine_text(name, rows) for name, rows in self.engines.items()]
        tight = {kind: [fills for fills, attack in self.tight if attack is kind] for kind in (True, False)}
        attacks, bona_fide = (_percent(Rate(sum(tight[kind]), len(tight[kind]))) for kind in (True, False))
        reports.append(
            "== TIGHT_FACES=uncertain, the default ==\n"
            "The figures above are those of TIGHT_FACES=judge. Faces that fill the frame, which the default leaves\n"
            f"uncertain (561): of attacks {attacks}, of bona fide faces {bona_fide}"
        )
        return "\n\n".join(reports)

    def draw(self, path: Path) -> None:
        """Draw the scores of bona fide faces and attacks, one panel an engine, into a PNG file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 2.6 * len(self.engines)), layout="tight")
        panels = figure.subplots(len(self.engines), 1, squeeze=False)
        for panel, (name, rows) in zip(panels[:, 0], self.engines.items(), strict=True):
            for attack, label, colour in ((False, "bona fide", "tab:green"), (True, "attack", "tab:red")):
                scores = [row.score for row in rows if row.attack == attack and row.score is not None]
                panel.hist(scores, bins=40, range=(0, 1), alpha=0.6, label=f"{label} ({len(scores)})", color=colour)
            panel.set(title=name, xlabel="score: probability of an attack")
            panel.legend()
        figure.savefig(path, dpi=100)


def evaluate(
    folder: Path, model: Path, pinned: str | None, weights: Sequence[Path], engines: Sequence[str] | None, say: Say
) -> Measured:
    """Load the engines, and measure each alone and all fused on the pictures of `folder`.

    Without `engines`, the CNN runs, and each other engine whose files one of the folders `weights` holds. Raises
    `Refusal` where an engine does not load, `OSError` and `ValueError` where the folder or a picture cannot be read.
    """
    from pipeline.models.mtcnn import MtcnnDetector

    items = spoof_items(folder)
    if not items:
        raise ValueError(f"{folder} holds no SOURCE/bona_fide/ or SOURCE/attack/ with pictures")
    if engines is None:
        engines = ["cnn", *(name for name in FILES if place_of(weights, [name]) is not None)]
        missing = [name for name in FILES if name not in engines]
        if missing:
            say(f"left out, as the files are not in {', '.join(str(one) for one in weights)}: {', '.join(missing)}")
    return measure(items, MtcnnDetector(), judges_of(load_engines(engines, model, pinned, weights)), say)


def load_engines(
    engines: Sequence[str], model: Path, pinned: str | None, weights: Sequence[Path], kept: Path | None = None
) -> Judge:
    """Load engines that judge tight faces too, their files from the first folder that holds those of all."""
    place = place_of(weights, engines) or weights[0]
    return load_judge(engines, model, pinned, place, kept, judge_tight=True)


def place_of(folders: Sequence[Path], engines: Sequence[str]) -> Path | None:
    """Return the first folder that holds the files of all these engines, None where none does."""
    names = [one.file for engine in engines for one in FILES.get(engine, ())]
    return next((folder for folder in folders if all((folder / name).is_file() for name in names)), None)


def judges_of(judge: Judge) -> dict[str, Judge]:
    """Return a judge for each loaded engine alone, and for all of them fused where there are several."""
    alone = {name: Judge(**{name: getattr(judge, name)}, judge_tight=True) for name in judge.engines}
    return alone | ({"fused": judge} if len(alone) > 1 else {})


def measure(items: Sequence[Item], detector: Detector, judges: dict[str, Judge], say: Say) -> Measured:
    """Find the largest face of every item and let every judge judge it."""
    rows: dict[str, list[Presentation]] = {name: [] for name in judges}
    tight: list[tuple[bool, bool]] = []
    done = 0
    for chunk in batches(read_pixels(items), _BATCH):
        faces = [(item, face) for (item, _), face in zip(chunk, largest_faces(chunk, detector), strict=True)]
        present = [face for _, face in faces if face]
        tight += [(bool(doubt_about_room(face)), item.attack) for item, face in faces if face]
        for name, judge in judges.items():
            verdicts = iter(judge.judge(present))
            rows[name] += [_presentation(item, next(verdicts) if face else None) for item, face in faces]
        done += len(chunk)
        say(f"{done} of {len(items)} pictures")
    return Measured(rows, tight)


def largest_faces(chunk: Sequence[tuple[Item, Pixels]], detector: Detector) -> list[Face | None]:
    """Return the largest face of each picture, None where it shows none."""
    found = detector.detect([pixels for _, pixels in chunk])
    faces: list[Face | None] = []
    for (item, pixels), detections in zip(chunk, found, strict=True):
        photo = Photo(item.path.name, pixels, "0" * 64)
        faces.append(Face(photo, detections[0], crop_face(photo, detections[0])) if detections else None)
    return faces


def _presentation(item: Item, verdict: LivenessVerdict | None) -> Presentation:
    kind = item.path.parent.name if item.path.parent.name != "attack" else item.source
    return Presentation(
        source=item.source,
        attack=item.attack,
        kind=kind if item.attack else "",
        accepted=verdict is not None and verdict.state is Liveness.LIVE,
        responded=verdict is not None and verdict.state is not Liveness.UNCERTAIN,
        score=verdict.score if verdict else None,
    )


def _engine_text(name: str, rows: Sequence[Presentation]) -> str:
    whole, kinds = report(rows), by_kind(rows)
    at = ", ".join(f"{100 * value:.1f} % at APCER {100 * level:g} %" for level, value in whole.bpcer_at.items())
    lines = [
        f"== {name} ==",
        f"APCER {_percent(whole.apcer)}   BPCER {_percent(whole.bpcer)}   ACER {100 * whole.acer:.1f} %",
        f"non-response: attacks {_percent(whole.attack_nonresponse)} (rejected), "
        f"bona fide {_percent(whole.bona_fide_nonresponse)} (counted in BPCER)",
        f"BPCER {at}",
    ]
    if kinds:
        worst = max(kinds, key=lambda kind: kinds[kind].share)
        lines.append(f"APCER of the worst kind ({worst}): {_percent(kinds[worst])}")
    lines.append(f"{'source':24} {'APCER':>8} {'BPCER':>8} {'ACER':>8}")
    for source, part in by_source(rows).items():
        shares = (part.apcer.share, part.bpcer.share, part.acer)
        lines.append(f"{source:24} " + " ".join(f"{100 * share:7.1f}%" for share in shares))
    return "\n".join(lines)


def _percent(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * rate.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}] ({rate.count}/{rate.of})"
