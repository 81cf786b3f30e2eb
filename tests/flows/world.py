"""A whole server without a server: real flows and stages, models that see colours, records in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.flows import EnrolRequest, SentFile, Services, VerifyRequest, challenge, enrol, upload, verify
from pipeline.flows.people import forget
from pipeline.ports import CachedFace, CachedPhoto, StoredImage, StoredPhoto
from pipeline.types import Crop, Detection, EnrolledFaces, Face, Floats, Liveness, LivenessJudge, Person
from tests.fakes import (
    ColourDetector,
    ColourEmbedder,
    ColourScorer,
    GivenAttributes,
    GivenJudge,
    detection_in,
    face_of,
    photo_of,
)
from tests.flows.records import (
    MemoryAcceptances,
    MemoryAnnounced,
    MemoryAudit,
    MemoryChallenges,
    MemoryClassifiers,
    MemoryEnrolments,
    MemoryFaces,
    MemoryForgetting,
    MemoryGallery,
    MemoryPeople,
    MemoryReplays,
    MemorySubjects,
    MemoryUpload,
    MemoryUploads,
)

Colour = tuple[int, int, int]
RED, DARK_RED, BLUE, GREEN, BLACK = (200, 10, 10), (190, 12, 12), (10, 10, 200), (10, 200, 10), (0, 0, 0)
ANN, BEN = "ID-1", "ID-2"


@dataclass
class Settings:
    """The policy of these tests; what a test does not change is permissive."""

    id_regex: str = r"ID-\d"
    score_tol: float = 0.0
    num_aug: int = 2
    ver_tol: int = 1
    ver_tol_aug: int = 2
    sim_func: str = "cosine"
    target_width: int = 32
    target_height: int = 32
    allow_skip_liveness: str = "true"
    tight_faces: str = "uncertain"
    enrol_liveness: str = "refuse"
    enrol_min_photos: int = 1
    replay_policy: str = "refuse"
    require_challenge: bool = False
    challenge_actions: tuple[str, ...] = ("turn_left", "turn_right")
    duplicate_policy: str = "warn"
    compreface_recognize: str = "accepted"
    liveness_for_compreface: str = "warn"
    dev_api: bool = False
    max_image_mb: int = 1
    max_pixels: int = 1_000_000


class World:
    """Everything that is plugged into the flows, and the flows. Photos are of one colour, which is who they show."""

    def __init__(self, **policy: Any) -> None:
        self.policy = Settings(**policy)
        self.detector, self.embedder, self.scorer = ColourDetector(), ColourEmbedder(), ColourScorer()
        self.state_of: Callable[[Face], Liveness] = lambda _: Liveness.LIVE
        self.liveness_fault: Code | None = None
        self.uploads, self.people, self.gallery = MemoryUploads(), MemoryPeople(), MemoryGallery()
        self.announced = MemoryAnnounced()
        self.forgetting = MemoryForgetting(self.people, self.gallery, self.announced)
        self.audit = MemoryAudit()
        self.enrolments = MemoryEnrolments(self.uploads, self.people, self.gallery, self.audit, self.announced)
        self.replays, self.challenges = MemoryReplays(), MemoryChallenges()
        self.acceptances = MemoryAcceptances(self.audit)
        self.classifiers = MemoryClassifiers()
        self.attributes = GivenAttributes()

    @property
    def services(self) -> Services:
        """Return the services."""
        return Services(
            policy=self.policy,
            detector=self.detector,
            embedders={"Colour": self.embedder},
            scorer=self.scorer,
            judge=self._judge,
            augment=self.augment,
            uploads=self.uploads,
            people=self.people,
            enrolments=self.enrolments,
            gallery=self.gallery,
            replays=self.replays,
            acceptances=self.acceptances,
            challenges=self.challenges,
            forgetting=self.forgetting,
            audit=self.audit,
            basis="0123456789abcdef",
            faces=MemoryFaces(self.gallery),
            classifiers=self.classifiers,
            attributes=self.attributes,
            announced=self.announced,
            subjects=MemorySubjects(self.people, self.announced),
            receipt=lambda person_id, forgotten: {"person": f"not {person_id}", **forgotten.counts},
        )

    def augment(self, crop: Crop, count: int) -> list[Crop]:
        """Return copies."""
        return [crop] * count

    def _judge(self) -> LivenessJudge:
        if self.liveness_fault is not None:
            raise Refusal(self.liveness_fault)
        return GivenJudge(self.state_of)

    def stored(
        self, *photos: StoredPhoto | Colour, person_id: str = ANN, challenge: Sequence[str] = ()
    ) -> MemoryUpload:
        """Add an upload of these photos, or of one photo of each colour."""
        return self.uploads.add(
            person_id,
            [one if isinstance(one, StoredPhoto) else stored_photo(one, number) for number, one in enumerate(photos)],
            challenge,
        )

    def known(self, person_id: str, *colours: Colour) -> None:
        """Enrol somebody, past the flows."""
        self.people.rows[person_id] = Person(7, person_id, "ann_van_dyck", "ann", "Ann van Dyck")
        self.people.folders.add(person_id)
        self.gallery.everybody[person_id] = EnrolledFaces({"Colour": embedded(*colours)})

    def upload(self, *files: bytes | None, person_id: str = ANN, nonce: str | None = None) -> Outcome:
        """Send files to /upload_imgs."""
        sent = [SentFile(f"photo {number}.png", data, "damaged") for number, data in enumerate(files)]
        return upload(person_id, sent, self.services, nonce)

    def enrol(self, upload_id: str, name: str = "Ann van Dyck", **flags: Any) -> Outcome:
        """Send the form of /upload_db."""
        asked = {"delete_pickles": False, "rebuild_db": False, "in_place": False, **flags}
        return enrol(EnrolRequest(upload_id, name, **asked), self.services)

    def verify(self, upload_id: str, **flags: bool) -> Outcome:
        """Send the form of /verify."""
        asked = {"skip_verify": False, "skip_db_search": False, "skip_liveness": False, **flags}
        return verify(VerifyRequest(upload_id, **asked), self.services)

    def forget(self, person_id: str = ANN) -> Outcome:
        """Send DELETE /people/<id>."""
        return forget(person_id, self.services)

    def challenge(self, person_id: str = ANN) -> Outcome:
        """Send the form of /liveness/challenge."""
        return challenge(person_id, self.services)


def code_of(call: Callable[[], Outcome]) -> Code:
    """Return how a call ended."""
    return ended(call)[0]


def ended(call: Callable[[], Outcome]) -> tuple[Code, Mapping[str, Any]]:
    """Return how a call ended, and its results with what a refusal says beside them."""
    try:
        outcome = call()
    except Refusal as refusal:
        return refusal.code, {**(refusal.results or {}), **refusal.guidance()}
    return outcome.code, outcome.results


def stages(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the ledger's rows by name."""
    return {row["name"]: row for row in results["stages"]}


def photo_file(colour: Colour) -> bytes:
    """Return a PNG of one colour."""
    pixels = np.full((64, 64, 3), colour[::-1], np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def stored_photo(
    colour: Colour,
    number: int = 0,
    *,
    score: float = 9.0,
    landmarks: Floats | None = None,
    faces: int = 1,
    embed: bool = True,
) -> StoredPhoto:
    """Return a kept photo of one colour whose faces are known; every `number` is a distinct image."""
    data, detection = photo_file(colour), detection_in(photo_of(colour).pixels)
    if landmarks is not None:
        detection = Detection(detection.box, landmarks, detection.confidence)
    vectors = {("Colour", ColourEmbedder.version): embedded(colour)[0]} if embed else {}
    cache = CachedPhoto((1 << 64) - (1 << 8 * number), [CachedFace(detection, vectors)] * faces)
    digest = hashlib.sha256(data + bytes([number])).hexdigest()
    return StoredPhoto(StoredImage(f"{number:04}.png", digest, score, f"selfie {number}.png"), data, cache)


def embedded(*colours: Colour) -> Floats:
    """Return the embeddings of faces of these colours: float32 (n, 3)."""
    return ColourEmbedder().embed([face_of(colour).crop for colour in colours])
