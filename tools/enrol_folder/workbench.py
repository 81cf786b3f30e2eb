"""A process's own models and records, as the server has them, to enrol with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.container import ServiceContainer
from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from bootstrap.quiet import silence_tensorflow
from bootstrap.threads import share_cores
from codes_dict import Refusal
from tools.enrol_folder.person import Intake


class CannotWorkError(Exception):
    """What is missing, in one sentence."""


@contextmanager
def opened(env_file: Path) -> Iterator[Intake]:
    """Load what the settings name and yield an intake that is ready; raises `CannotWorkError`."""
    silence_tensorflow()
    share_cores()
    models = LoadedModels()
    container = ServiceContainer(env_file, models, liveness_loader())
    try:
        intake = Intake(container)
        try:
            intake.check()
        except Refusal as refusal:
            code = refusal.code
            raise CannotWorkError(f"{int(code)} {code.message} {code.operator_does} ({refusal.detail})") from refusal
        yield intake
    finally:
        container.close()
        models.close()
