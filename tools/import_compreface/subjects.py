"""Subjects to enrol: the server makes their IDs of their names, their photos come from a server or from folders."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from env_validator import Settings
from pipeline.flows import Services
from pipeline.flows.subject_rules import for_subjects
from tools.enrol_folder.layout import MEGABYTE, Candidate, CannotReadError, FoundPhoto, FoundPhotos, Intake, folders_in
from tools.import_compreface.server import CompreFaceError, CompreFaceServer, TooLargeError

NOT_STORED = "The server keeps no file of this image (save_images_to_db=false, or it was deleted)."


class SubjectFolders(Intake):
    """Folders that are named by their subjects."""

    def admit(self, candidate: Candidate, services: Services) -> tuple[Candidate, Services]:
        """Return the candidate with the subject's ID; the subject is made where there is none."""
        person_id, _ = services.subjects.announce(candidate.name)
        return replace(candidate, id=person_id), for_subjects(services)

    def settle(self, candidate: Candidate, services: Services) -> None:
        """Let the row stand for the name from now on."""
        services.announced.remove(candidate.id)


class ServerSubjects(SubjectFolders):
    """Subjects of a server; photos are in memory only while their subject is enrolled."""

    def __init__(self, server: CompreFaceServer, images: Mapping[str, Sequence[str]]) -> None:
        self._server, self._images = server, images

    def people(self) -> list[Candidate]:
        """Return everybody, by name."""
        return [Candidate("", name, Path(name)) for name in sorted(self._images)]

    def photos(self, candidate: Candidate, settings: Settings) -> FoundPhotos:
        """Download the subject's images; each by itself and all together within the limits of the settings."""
        photos: dict[str, FoundPhoto] = {}
        left_out: dict[str, str] = {}
        room = settings.max_upload_mb * MEGABYTE
        for image_id in self._images[candidate.name]:
            try:
                data = self._server.photo(image_id, min(room, settings.max_image_mb * MEGABYTE))
            except TooLargeError:
                left_out[image_id] = "The file is larger than MAX_IMAGE_MB, or all files than MAX_UPLOAD_MB."
                continue
            except CompreFaceError as error:
                raise CannotReadError(str(error)) from error
            digest = hashlib.sha256(data).hexdigest()
            if not data:
                left_out[image_id] = NOT_STORED
            elif digest in photos:
                left_out[image_id] = f"The same file as {photos[digest].name}."
            else:
                room -= len(data)
                photos[digest] = FoundPhoto(image_id, data, digest)
        return FoundPhotos(list(photos.values()), left_out)


def subjects_of(server: CompreFaceServer) -> ServerSubjects:
    """Return all subjects of a server with their images' ids. Raises `CompreFaceError`."""
    images = server.images()
    return ServerSubjects(server, {**{name: [] for name in server.subjects()}, **images})


def folders_of(folder: Path) -> list[Candidate]:
    """Return the subjects of FOLDER/SUBJECT/PHOTO, by name. Raises `LayoutError`."""
    places = folders_in(folder, "subjects: the layout is FOLDER/SUBJECT/PHOTO.jpg")
    return [Candidate("", place.name, place) for place in places]
