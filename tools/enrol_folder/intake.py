"""Where people and their photos come from, and under which rules they are enrolled."""

import platform
from typing import Protocol

from env_validator import Settings
from pipeline.flows import Services
from tools.enrol_folder.layout import Candidate, FoundPhotos, read_photos


class CannotReadError(Exception):
    """Why a person's photos cannot be read, in one sentence."""


class Intake(Protocol):
    """What is particular to a source of people."""

    def admit(self, candidate: Candidate, services: Services) -> tuple[Candidate, Services]:
        """Return the candidate with the ID to enrol under, and the services to enrol with; raises `Refusal`."""

    def photos(self, candidate: Candidate, settings: Settings) -> FoundPhotos:
        """Return the candidate's photos; raises `CannotReadError`."""

    def settle(self, candidate: Candidate, services: Services) -> None:
        """Finish what `admit` began, once the candidate is enrolled."""


class FolderIntake:
    """People whose folders are named by their IDs."""

    def admit(self, candidate: Candidate, services: Services) -> tuple[Candidate, Services]:
        """Return both as they are."""
        return candidate, services

    def photos(self, candidate: Candidate, settings: Settings) -> FoundPhotos:
        """Read the folder."""
        try:
            return read_photos(candidate.folder, settings.max_image_mb, settings.max_upload_mb)
        except OSError as error:
            raise CannotReadError(f"The folder cannot be read on {platform.node()}: {error.strerror}.") from error

    def settle(self, candidate: Candidate, services: Services) -> None:
        """Do nothing: there is nothing to finish."""
