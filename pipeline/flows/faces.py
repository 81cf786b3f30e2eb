"""What some photos show: every face, its quality and, where asked, its embeddings. Nothing is compared or kept."""

from collections.abc import Sequence
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.photos import located, see
from pipeline.flows.services import AT_ONCE, Services, explained
from pipeline.stages.sent_files import SentFile, named_apart
from pipeline.stages.sightings import Sighting


def faces_of(sent: Sequence[SentFile], services: Services, *, embeddings: bool) -> Outcome:
    """Return all faces of each photo, at most ten, largest first; a photo without a face has none.

    Boxes and landmarks are in pixels of the upright file. Refuses with NO_FILES, BAD_BASE64 and ALL_REJECTED.
    """
    results: dict[str, Any] = {"photos": []}
    with explained(results) as ledger:
        if not sent:
            raise Refusal(Code.NO_FILES)
        files = named_apart(sent)
        versions = {name: embedder.version for name, embedder in services.embedders.items()} if embeddings else {}
        for start in range(0, len(files), AT_ONCE):
            seen = see(files[start : start + AT_ONCE], services, ledger, live=False)
            faces = {photo.name: its_faces for photo, its_faces in seen.faces.items()}
            results["photos"] += [
                {"file": name, **quality, "faces": [_described(face, versions) for face in faces.get(name, ())]}
                for name, quality in seen.quality().items()
            ]
        if all(photo["score"] is None for photo in results["photos"]):
            raise Refusal(Code.BAD_BASE64 if all(file.data is None for file in files) else Code.ALL_REJECTED)
    return Outcome(Code.DONE, results)


def _described(face: Sighting, versions: dict[str, str]) -> dict[str, Any]:
    described = located(face)
    if versions:
        described["embeddings"] = {
            name: {"version": version, "vector": [float(value) for value in face.embeddings[name]]}
            for name, version in versions.items()
        }
    return described
