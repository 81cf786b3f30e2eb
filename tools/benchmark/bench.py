"""What every scenario is given: where data and weights are, a folder to work in, and how often to measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.models.dlib_network import build_network
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from tools.benchmark import roofline
from tools.benchmark.client import Client
from tools.benchmark.measure import Result
from tools.benchmark.photos import People, people
from tools.cli.options import WEIGHTS


class CannotMeasureError(Exception):
    """Why a scenario cannot be measured here."""


@dataclass(frozen=True)
class Bench:
    """`data` is the folder of shared test data, None where it is not at hand; `rounds` says how often to measure.

    `quick` bounds what a slow peer is asked to do as well.
    """

    folder: Path
    data: Path | None
    rounds: int
    quick: bool
    say: Callable[[str], None]

    @cached_property
    def weights(self) -> WeightStore:
        """The weights of this checkout, and beside them those of the shared data."""
        return WeightStore(WEIGHTS, self.mirror or None)

    @property
    def mirror(self) -> str:
        """Where weights are looked for that are not in the checkout; empty for nowhere."""
        return str(self.data / "weights") if self.data else ""

    @cached_property
    def dlib_file(self) -> Path:
        """Dlib's weight file. Raises `CannotMeasureError`."""
        found = self.weights.locate(REGISTRY["Dlib"])
        if found is None:
            raise CannotMeasureError("the package face_recognition_models is not installed")
        return found

    def dlib_s(self, faces: int) -> float:
        """Return what the arithmetic of Dlib's network for so many faces costs bare."""
        return roofline.arithmetic_s(faces * roofline.network_flops(build_network(self.dlib_file.read_bytes())))

    def enrolled(self, client: Client, liveness: bool = False) -> tuple[str, People]:
        """Enrol the first person at hand whom the server then verifies; return the ID and the photos."""
        for number, candidates in enumerate(people(self.data)):
            person_id = f"RECO_ID_{number}"
            if client.enrol(person_id, candidates.enrolled) in (800, 838, 900):
                verdict = client.verify(person_id, candidates.genuine, liveness)
                if verdict == 200 or (liveness and verdict in (560, 561)):
                    return person_id, candidates
        raise CannotMeasureError("nobody at hand could be enrolled and verified")


Scenario = Callable[[Bench], Sequence[Result]]
