"""How much of an upload and a genuine verification is spent outside of the models."""

import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from werkzeug.datastructures import MultiDict

from bootstrap.container import ServiceContainer
from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from bootstrap.threads import share_cores
from env_validator import Settings
from faceapp import create_app
from pipeline.types import Detector, Embedder
from tools.benchmark.bench import Bench, CannotMeasureError
from tools.benchmark.client import SETTINGS
from tools.benchmark.measure import Result, result, seconds
from tools.benchmark.photos import people
from tools.cli.options import ROOT
from tools.installation.trial import write_settings


class Timed:
    """A detector or a recognition model, the seconds of whose calls are added to `spent`."""

    def __init__(self, inner: Any, spent: list[float]) -> None:
        self._inner, self._spent = inner, spent

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        def run(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return found(*given, **named)
            finally:
                self._spent.append(time.perf_counter() - begun)

        return run if callable(found) else found


class TimedModels(LoadedModels):
    """Models whose time is counted; each is wrapped once."""

    def __init__(self, spent: list[float]) -> None:
        super().__init__()
        self._spent = spent
        self._timed: dict[int, Any] = {}

    def detector(self) -> Detector:
        """Return the detector, timed."""
        timed: Detector = self._wrapped(super().detector())
        return timed

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the models, timed."""
        return {name: self._wrapped(one) for name, one in super().embedders(settings).items()}

    def _wrapped(self, model: Any) -> Any:
        return self._timed.setdefault(id(model), Timed(model, self._spent))


def outside_models(bench: Bench) -> Sequence[Result]:
    """Upload and genuine verify: the time outside of the models over the time within them."""
    folder = bench.folder / "outside"
    folder.mkdir()
    write_settings(ROOT, folder, SETTINGS)
    spent = list[float]()
    share_cores()
    container = ServiceContainer(folder / ".env", TimedModels(spent), liveness_loader())
    client = create_app(container).test_client()
    photos = next(iter(people(bench.data)))

    def post(path: str, data: Any) -> Any:
        return client.post(path, data=data).get_json()

    def upload(files: Sequence[bytes]) -> str:
        form: MultiDict[str, Any] = MultiDict(("files", (BytesIO(one), f"{at}.jpg")) for at, one in enumerate(files))
        return str(post("/upload_imgs?id=RECO_ID_1", form)["upload_results"]["upload_id"])

    enrolment = {"name": "Somebody", "delete_pickles": "false", "rebuild_db": "false", "in_place": "false"}
    reply = post("/upload_db", {"upload_id": upload(photos.enrolled), **enrolment})
    if reply["result_code"] != 800:
        raise CannotMeasureError(f"the enrolment was answered with {reply['result_code']}")
    flags = {"skip_verify": "false", "skip_db_search": "true", "skip_liveness": "true"}

    def both() -> None:
        post("/verify", {"upload_id": upload(photos.genuine), **flags})

    both()
    beside, within = [], []
    for _ in range(bench.rounds):
        spent.clear()
        whole = seconds(both)
        beside.append(whole - sum(spent))
        within.append(sum(spent))
    container.close()
    note = f"{photos.source}, three photos; in this process, no socket, no replay check; alignment counts as model"
    return [result("outside_models", beside, within, 0.15, note)]
