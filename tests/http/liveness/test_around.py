"""What fails around the liveness engines, from the settings to the disk, ends in its code and in no pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from bootstrap.models import LoadedModels
from env_validator import Settings
from pipeline.flows.verify import NOT_JUDGED
from pipeline.types import BothSides, Crop, Detection, Detector, Embedder, Face, Floats, Liveness, Pixels
from tests.http.liveness_models import judging, verdict
from tests.http.site import ROOT, Site, code, results, variant

pytestmark = pytest.mark.models

WEIGHTS = ROOT / "bin" / "model" / "weights"


def test_a_caller_cannot_skip_liveness_where_the_settings_do_not_allow_it(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    reply = site.verify(upload_id, skip_liveness="true")
    assert (code(reply), reply.status_code) == (563, 403)
    assert code(site.verify(upload_id, skip_liveness="TRUE", skip_db_search="true", skip_verify="true")) == 143
    assert code(site.verify("no upload", skip_liveness="true")) == 563
    site.edit(ALLOW_SKIP_LIVENESS="true")
    assert code(site.verify(upload_id, skip_liveness="true")) == 200


@pytest.mark.parametrize("allow", [None, "auto"])
def test_by_default_liveness_is_skipped_on_the_server_itself_and_the_reply_says_so(
    site: Site, astronaut: bytes, allow: str | None
) -> None:
    upload_id = site.uploaded(variant(astronaut))
    site.edit(ALLOW_SKIP_LIVENESS=allow)
    form = {"upload_id": upload_id, "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "true"}
    forwarded = site.client.post("/verify", data=form, headers={"X-Forwarded-For": "203.0.113.9"})
    elsewhere = site.client.post("/verify", data=form, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert (code(forwarded), code(elsewhere)) == (403, 401)
    reply = site.verify(upload_id, skip_liveness="true")
    assert code(reply) == 200
    assert results(reply)["warnings"] == [NOT_JUDGED]
    assert "warnings" not in results(site.verify(upload_id, skip_liveness="false"))


def test_562_a_photo_that_was_used_before_is_not_used_again_by_skipping_liveness(site: Site, astronaut: bytes) -> None:
    site.edit(REPLAY_POLICY="refuse", ALLOW_SKIP_LIVENESS="true")
    photo = variant(astronaut)
    assert code(site.verify(site.uploaded(photo), skip_liveness="true")) == 200
    assert code(site.verify(site.uploaded(photo), skip_liveness="true")) == 562
    assert code(site.verify(site.uploaded(photo), skip_liveness="false")) == 562


class BrokenModels(LoadedModels):
    """Models of which the detector, or the recognition model, can be broken."""

    detector_fault: BaseException | None = None
    embeddings_fault: bool = False

    def detector(self) -> Detector:
        """Return the detector, broken where it has to be."""
        return BreakingDetector(super().detector(), self)

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the models, broken where they have to be."""
        return {name: BreakingEmbedder(model, self) for name, model in super().embedders(settings).items()}


class BreakingDetector:
    """A detector that raises once its owner is broken."""

    def __init__(self, detector: Detector, owner: BrokenModels) -> None:
        self.detector, self.owner = detector, owner

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Detect, or raise."""
        if self.owner.detector_fault is not None:
            raise self.owner.detector_fault
        return self.detector.detect(photos)


class BreakingEmbedder:
    """A model whose numbers are not numbers once its owner is broken."""

    def __init__(self, model: Embedder, owner: BrokenModels) -> None:
        self.model, self.owner = model, owner
        self.name, self.version, self.size = model.name, model.version, model.size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Embed, or give NaN."""
        vectors = self.model.embed(crops)
        return np.full_like(vectors, np.nan) if self.owner.embeddings_fault else vectors

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Embed both sides, or give NaN."""
        both = self.model.both_sides(crops)
        return BothSides(both.faces * np.nan, both.mirrors) if self.owner.embeddings_fault else both


def test_599_the_detector_or_a_recognition_model_fails(served: Callable[..., Site], astronaut: bytes) -> None:
    models = BrokenModels(WEIGHTS)
    site = served(judging(lambda face: Liveness.LIVE), models)
    upload_id = site.uploaded(variant(astronaut))
    (site.uploads / upload_id / "seen.json").unlink()  # else what the upload has computed is not computed again
    assert code(site.verify(upload_id, skip_liveness="false")) == 200
    models.detector_fault = RuntimeError("broken")
    assert code(site.verify(upload_id, skip_liveness="false")) == 599
    models.detector_fault, models.embeddings_fault = None, True
    assert code(site.verify(upload_id, skip_liveness="false")) == 599
    models.close()


def test_155_the_database_is_down_during_a_verification(served: Callable[..., Site], astronaut: bytes) -> None:
    gone: list[Site] = []

    def state_of(face: Face) -> Liveness:
        for site in gone:
            (site.folder / "faceapp.sqlite").rename(site.folder / "away")
        return Liveness.LIVE

    site = served(judging(state_of))
    upload_id = site.uploaded(variant(astronaut))
    gone.append(site)
    assert code(site.verify(upload_id, skip_liveness="false")) == 155


def test_113_the_enrolled_crops_cannot_be_read(served: Callable[..., Site], astronaut: bytes) -> None:
    site = served(judging(lambda face: Liveness.LIVE))
    for file in site.people.rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            file.write_bytes(b"damaged")
    site.container.close()
    assert verdict(site, variant(astronaut)) == 113


def test_153_a_photo_of_the_upload_was_damaged(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    next((site.uploads / upload_id).glob("*.jpg")).write_bytes(b"\xff\xd8\xff damaged")
    assert code(site.verify(upload_id, skip_liveness="false")) == 153


def test_176_the_settings_are_damaged(site: Site, astronaut: bytes) -> None:
    upload_id = site.uploaded(variant(astronaut))
    for key in ("ALLOW_SKIP_LIVENESS", "LIVENESS_ENGINES"):
        good = site.env.get(key)
        site.edit(**{key: "perhaps"})
        assert code(site.verify(upload_id, skip_liveness="true")) == 176
        site.edit(**{key: good})
