"""Names faces with the models and the gallery of the server's settings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codes_dict import Code, Outcome
from pipeline.flows import EnrolRequest, SentFile, Services
from pipeline.flows.one_call import enrol_photos
from pipeline.stages.align import crop_face
from pipeline.stages.compare import against_template
from pipeline.stages.distance import template
from pipeline.stages.identity import shown_name
from pipeline.stages.ranking import group_scores
from pipeline.stages.upright import find_faces
from pipeline.types import Detection, EnrolledFaces, Floats, Photo, Pixels
from tools.benchmark.photos import encoded
from tools.enrol_folder.person import loaded
from tools.recognize.tracking import Embeddings, Named, Track

UNKNOWN = "Unknown"


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Finds, embeds and names faces."""

    services: Services

    def find(self, pixels: Pixels) -> list[Detection]:
        """Return the faces of one frame of a video, largest first."""
        return list(self.services.detector.detect([pixels])[0])

    def find_upright(self, pixels: Pixels) -> tuple[Pixels, list[Detection]]:
        """Return a photo's pixels, turned upright where it lay on its side, and its faces."""
        photos = [_photo(pixels)]
        (faces,) = find_faces(photos, self.services.detector, lambda photo: None)
        return photos[0].pixels, faces

    def embed(self, pixels: Pixels, face: Detection) -> Embeddings:
        """Return every model's embedding of a face, (d,)."""
        crop = crop_face(_photo(pixels), face)
        return {name: embedder.embed([crop])[0] for name, embedder in self.services.embedders.items()}

    def name(self, track: Track) -> Named:
        """Return who a track is, by the template of its looks."""
        sim_func = self.services.policy.sim_func
        return self.name_all([{name: template(rows, sim_func) for name, rows in track.stacked().items()}])[0]

    def name_all(self, faces: Sequence[Mapping[str, Floats]]) -> list[Named]:
        """Return who faces are, each embedded by every model.

        A face is the nearest person's where that person is within the search threshold and the 1:1 threshold of a
        search's finding, as in /verify with one photo.
        """
        services, everybody = self.services, self.services.gallery.snapshot()
        if not faces or not everybody.people:
            return [Named()] * len(faces)
        stacked = {name: np.stack([face[name] for face in faces]) for name in faces[0]}
        near, scorer = everybody.candidates(stacked, ""), services.scorer
        if not len(near.ids):
            return [Named()] * len(faces)
        photos = [[at] for at in range(len(faces))]
        scores = group_scores(stacked, photos, near, scorer, services.policy.sim_func)
        limit = min(scorer.search_threshold(everybody.people, 1), scorer.found_threshold(1, 1))
        found = []
        for best, score in zip(scores.argmin(axis=1).tolist(), scores.min(axis=1).tolist(), strict=True):
            person = services.people.find(near.ids[best]) if score <= limit else None
            found.append(Named(person, score, scorer.fmr_at_found(score, 1, 1)) if person else Named())
        return found

    def is_same(self, look: Embeddings, track: Track) -> bool:
        """Whether a face looks like a track's, at the 1:1 threshold of one photo."""
        scorer, sim_func = self.services.scorer, self.services.policy.sim_func
        rows = {name: vector[np.newaxis] for name, vector in look.items()}
        score = against_template(rows, EnrolledFaces(track.stacked()), scorer, sim_func)[0]
        return bool(score[0, 0] <= scorer.threshold(1, 1))

    def register(self, person_id: str, name: str, pictures: Sequence[Pixels]) -> Outcome:
        """Enrol somebody as /upload_imgs and /upload_db do, all their checks included; raises `Refusal`."""
        sent = [SentFile(f"frame {at}.png", encoded(one, ".png")) for at, one in enumerate(pictures, start=1)]
        ask = EnrolRequest("", name, delete_pickles=False, rebuild_db=False, in_place=False)
        return enrol_photos(person_id, sent, ask, self.services)


def name_of(named: Named | None) -> str:
    """Return the name that is shown; `Unknown` for nobody's face."""
    return UNKNOWN if named is None or named.person is None else shown_name(named.person)


def codes_text(code: Code) -> str:
    """Return a code as a command prints it."""
    return f"{int(code)} {code.message}"


@contextmanager
def opened(env_file: Path) -> Iterator[Recogniser]:
    """Load what the settings name. Raises `Refusal`."""
    with loaded(env_file) as container, container.lease() as services:
        yield Recogniser(services)


def _photo(pixels: Pixels) -> Photo:
    return Photo("frame", pixels, "0" * 64)
