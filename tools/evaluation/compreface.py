"""`python -m tools.evaluation.compreface FOLDER`: what a similarity of 0.9 means for people that no threshold has seen.

The people are halved. A calibration of one half decides about the other: first over all pairs of its photos, then, by
CompreFace's own Python client, on a server where some of its people are enrolled.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import requests

from pipeline.scoring.scorer import CalibratedScorer
from pipeline.scoring.store import file_name
from pipeline.stages.similarity import ALIKE, RATE, similarity_of
from pipeline.types import Scorer
from tools.calibration.build import calibrate, describe
from tools.calibration.sample import Ints, Sample, model_pairs
from tools.cli.options import ROOT, one_line
from tools.evaluation.workbench import FAULTS, Workbench, common_options, prepare
from tools.installation.trial import NoServerError, TrialServer, trial_server

SIM_FUNC = "cosine"
KEY = "00000000-0000-0000-0000-000000000000"
"""Of a server without keys any one opens everything."""
SETTINGS = {
    "SCORE_TOL": "0",
    "FETCH_MODELS": "false",
    "LIVENESS_FOR_COMPREFACE": "off",
    "COMPREFACE_RECOGNIZE": "nearest",
    "DUPLICATE_POLICY": "off",
    "SIM_FUNC": SIM_FUNC,
}


@dataclass(frozen=True)
class PairsFound:
    """How many pairs of photos there are of two people and of one, and how many of them are at 0.9 or more."""

    strangers: int
    strangers_alike: int
    genuine: int
    genuine_alike: int

    @property
    def rate(self) -> float:
        """The share of the strangers' pairs."""
        return self.strangers_alike / max(self.strangers, 1)

    def __str__(self) -> str:
        return (
            f"Held-out half: {self.strangers_alike} of {self.strangers} pairs of strangers are at {ALIKE} or more "
            f"({self.rate:.1e}; stated {RATE:.0e}), {self.genuine_alike} of {self.genuine} pairs of one person."
        )


@click.command(help=__doc__)
@common_options()
@click.option("--people", default=250, help="People that are enrolled.")
@click.option("--photos", default=500, help="Photos that are recognised.")
def main(**given: Any) -> None:
    """Run the command."""
    arguments = SimpleNamespace(**given)
    with one_line(*FAULTS, NoServerError, ImportError):
        bench = prepare(arguments)
        halves = split(bench.faces.sample, arguments.seed)
        for known, others in (halves, halves[::-1]):
            made = calibrate(bench.faces.sample.rows(known), SIM_FUNC, bootstraps=1)
            print(pairs(bench.faces.sample.rows(others), CalibratedScorer(made.measured, 1e-3, 1e-2)))
        told = through_sdk(bench, halves, arguments.people, arguments.photos, arguments.mirror or "")
    print(
        f"By compreface-sdk: {told['enrolled']} people enrolled, {told['photos']} photos of enrolled people and "
        f"strangers; similarity is {ALIKE} or more exactly where the search accepts in {told['agree']}; "
        f"{told['accepted']} accepted, {told['wrong']} of them as somebody else."
    )


def split(sample: Sample, seed: int) -> tuple[Ints, Ints]:
    """Return the rows of one half of the people, and of the other."""
    people = np.unique(sample.person)
    first = np.random.default_rng([seed, 61]).permutation(people)[: len(people) // 2]
    is_first = np.isin(sample.person, first)
    return np.flatnonzero(is_first), np.flatnonzero(~is_first)


def pairs(sample: Sample, scorer: Scorer) -> PairsFound:
    """Compare every two photos of a sample, each with each as a photo with an enrolled one."""
    compared, limit = model_pairs(sample, SIM_FUNC), similarity_of(scorer).limit
    alike, same = compared.fused(scorer) <= limit, compared.same
    return PairsFound(int((~same).sum()), int((alike & ~same).sum()), int(same.sum()), int((alike & same).sum()))


def through_sdk(bench: Workbench, halves: tuple[Ints, Ints], people: int, photos: int, mirror: str) -> Counter[str]:
    """Enrol people of the second half on a server with the first half's calibration, and recognise photos there.

    Returns how many are `enrolled`, and of so many `photos`, in how many CompreFace's recognition and the search
    `agree`, and how many are `accepted`, of these as the `wrong` person.

    Half of the photos are other photos of those people, half are of people who are not enrolled. Raises `ImportError`
    without `compreface-sdk`, `NoServerError` where the server does not start.
    """
    known = bench.faces.sample.rows(halves[0])
    with tempfile.TemporaryDirectory() as place:
        folder, calibrations = Path(place) / "server", Path(place) / "calibration"
        folder.mkdir()
        calibrations.mkdir()
        content = describe(bench.versions, {}, known, {SIM_FUNC: calibrate(known, SIM_FUNC, bootstraps=1)}, {}, ())
        (calibrations / file_name(bench.versions)).write_text(json.dumps(content), encoding="utf-8")
        settings = {"SELECTED_MODELS": ",".join(bench.embedders), "CALIBRATION_FOLDER": str(calibrations)}
        settings |= {"MODEL_MIRROR": mirror} if mirror else {}
        with trial_server(ROOT, folder, {**SETTINGS, **settings}) as server:
            return _asked(bench, halves[1], people, photos, server)


def _asked(bench: Workbench, rows: Ints, people: int, photos: int, server: TrialServer) -> Counter[str]:
    from compreface import CompreFace  # type: ignore[import-untyped]

    known, others = _drawn(bench, rows, people)
    service = CompreFace("http://127.0.0.1", str(server.port)).init_face_recognition(KEY)
    faces, counts, mates = service.get_face_collection(), Counter[str](), list[tuple[str, Path]]()
    for name, (first, *further) in known:
        if "image_id" in faces.add(str(first), name):
            counts["enrolled"] += 1
            mates += [(name, file) for file in further[:1]]
    strangers = [("", its[0]) for _, its in others]
    for name, file in [*mates[: photos // 2], *strangers[: photos - len(mates[: photos // 2])]]:
        result = service.recognize(str(file)).get("result", [])
        accepted = list(_accepted(server, file))
        if len(result) != len(accepted) or not result:
            continue
        nearest = [face["subjects"][0] for face in result]
        counts["photos"] += 1
        counts["agree"] += [one["similarity"] >= ALIKE for one in nearest] == accepted
        counts["accepted"] += accepted[0]
        counts["wrong"] += accepted[0] and nearest[0]["subject"] != name
    return counts


def _drawn(bench: Workbench, rows: Ints, people: int) -> tuple[list[Any], list[Any]]:
    """Return so many people with two photos or more, and everybody else: names with their files."""
    files: dict[str, list[Path]] = {}
    for row in bench.faces.rows[rows].tolist():
        files.setdefault(bench.data.people[bench.data.person[row]], []).append(bench.data.files[row])
    known = [one for one in files.items() if len(one[1]) > 1][:people]
    names = {name for name, _ in known}
    return known, [one for one in files.items() if one[0] not in names]


def _accepted(server: TrialServer, file: Path) -> Iterator[bool]:
    """Yield for each face of a photo whether the search accepts the nearest person."""
    with file.open("rb") as photo:
        reply = requests.post(f"{server.address}/search?limit=1", files={"photo": photo}, timeout=120)
    for face in reply.json()["results"].get("faces", ()):
        yield bool(face["candidates"] and face["candidates"][0]["accepted"])


if __name__ == "__main__":
    main()
