"""A face as the endpoints that answer face by face show it: its box, and what was asked for beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.flows.photos import Seen
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.stages.liveness import shown_verdict
from pipeline.stages.quality.geometry import head_pose
from pipeline.stages.sightings import Sighting
from pipeline.stages.subject import shown_box
from pipeline.types import Floats

CALCULATOR, LANDMARKS, POSE, QUALITY, LIVENESS = "calculator", "landmarks", "pose", "quality", "liveness"
PLUGINS = (CALCULATOR, LANDMARKS, POSE, QUALITY, LIVENESS)
"""What can be asked for."""
_STAGES = {"detector": ("detect",), CALCULATOR: ("quality",), LIVENESS: ("liveness",)}


@dataclass(frozen=True)
class FaceOptions:
    """How many faces, the largest first, 0 for all; which of `PLUGINS`; and the least confidence of a face, 0 to 1."""

    limit: int = 0
    plugins: frozenset[str] = frozenset()
    least_confidence: float = 0.0


def shown_face(face: Sighting, seen: Seen, options: FaceOptions, services: Services) -> dict[str, Any]:
    """Return a face: box and landmarks in pixels of the upright file, angles in degrees.

    Liveness is there wherever it was judged, quality on the largest face, whose photo's it is.
    """
    found, scale, wanted = face.detection, face.photo.scale, options.plugins
    shown: dict[str, Any] = {"box": shown_box(face.photo, found.box), "confidence": round(found.confidence, 5)}
    if CALCULATOR in wanted:
        shown["embedding"] = joined(face.embeddings, services)
    if LANDMARKS in wanted:
        shown["landmarks"] = [[round(float(x) / scale), round(float(y) / scale)] for x, y in found.landmarks]
    if POSE in wanted:
        pose = head_pose(found.landmarks)
        shown["pose"] = {name: round(getattr(pose, name), 2) for name in ("pitch", "roll", "yaw")}
    if QUALITY in wanted and any(face is its_faces[0] for its_faces in seen.faces.values() if its_faces):
        shown["quality"] = seen.quality()[face.photo.name]
    if face.verdict:
        shown["liveness"] = shown_verdict(face.verdict)
    return shown


def joined(embeddings: Mapping[str, Floats], services: Services) -> list[float]:
    """Return all models' embeddings of a face, (d,) each, as one vector, in the order of SELECTED_MODELS."""
    return [float(value) for name in services.embedders for value in embeddings[name]]


def split(vectors: Sequence[Sequence[float]], field: str, services: Services) -> dict[str, Floats]:
    """Return vectors that `joined` made as (n, d) per model; refuses with VALUE_REFUSED what cannot be one."""
    sizes = {name: embedder.size for name, embedder in services.embedders.items()}
    if not vectors or any(len(one) != sum(sizes.values()) for one in vectors):
        advice = f"Send embeddings of {sum(sizes.values())} numbers, as the plugin calculator returns them."
        raise Refusal(Code.VALUE_REFUSED, advice=advice, field=field)
    rows = np.array(vectors, np.float32)
    edges = np.cumsum([0, *sizes.values()])
    found = {name: rows[:, start:end] for name, start, end in zip(sizes, edges, edges[1:], strict=False)}
    if not np.isfinite(rows).all() or not all(np.linalg.norm(one, axis=1).all() for one in found.values()):
        raise Refusal(Code.VALUE_REFUSED, advice="An embedding is zero or not finite.", field=field)
    return found


def shown_times(ledger: Ledger, services: Services) -> dict[str, Any]:
    """Return how many milliseconds a photo took by what was done, and the versions of what did it."""
    took = {row.name: row.milliseconds for row in ledger.rows}
    times = {
        name: round(sum(took[stage] for stage in stages if stage in took), 1)
        for name, stages in _STAGES.items()
        if any(stage in took for stage in stages)
    }
    models = "+".join(f"{name}:{embedder.version}" for name, embedder in services.embedders.items())
    return {"times": times, "versions": {"detector": "mtcnn", CALCULATOR: models}, "stages": ledger.as_list()}
