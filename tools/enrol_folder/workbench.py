"""The models and records of a process that enrols, the same as the server's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.container import ServiceContainer
from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from bootstrap.quiet import silence_tensorflow
from bootstrap.threads import share_cores
from codes_dict import Refusal
from tools.enrol_folder.layout import CannotStartError, Intake
from tools.enrol_folder.person import FolderEnroller


@contextmanager
def loaded(env_file: Path) -> Iterator[ServiceContainer]:
    """Lend the services that the settings name, in this process; their models load when they are first asked for."""
    silence_tensorflow()
    share_cores()
    models = LoadedModels()
    container = ServiceContainer(env_file, models, liveness_loader())
    try:
        yield container
    finally:
        container.close()
        models.close()


@contextmanager
def opened(env_file: Path, intake: Intake | None = None) -> Iterator[FolderEnroller]:
    """Load what the settings name and yield an enroller that is ready; raises `CannotStartError`."""
    with loaded(env_file) as container:
        enroller = FolderEnroller(container, intake=intake)
        try:
            enroller.check()
        except Refusal as refusal:
            code = refusal.code
            raise CannotStartError(f"{int(code)} {code.message} {code.operator_does} ({refusal.detail})") from refusal
        yield enroller
