"""The gallery that VECTOR_STORE names. The packages of Milvus are imported only if it is chosen."""

from collections.abc import Mapping
from importlib.util import find_spec

from bootstrap.models import LoadFault
from db.enrolments import EnrolmentRecords
from db.gallery.memory import MemoryGallery
from db.gallery.protocol import GalleryBackend
from db.kept import KeptFiles
from env_validator import Settings
from pipeline.stages.distance import template
from pipeline.types import Embedder, Floats

CLIENT, LITE = "requirements-milvus.txt", "requirements-milvus-lite.txt"


def check_packages(settings: Settings) -> None:
    """Raise `LoadFault` if packages that VECTOR_STORE requires are missing; it names the requirements files."""
    wanted = {"pymilvus": CLIENT} if settings.vector_store else {}
    if wanted and "://" not in settings.vector_store:
        wanted["milvus_lite"] = LITE
    files = " ".join(f"-r {file}" for package, file in wanted.items() if find_spec(package) is None)
    if files:
        raise LoadFault([f"VECTOR_STORE: packages are missing: .venv/bin/python -m pip install --no-deps {files}"])


def open_gallery(
    settings: Settings, kept: KeptFiles, enrolments: EnrolmentRecords, embedders: Mapping[str, Embedder]
) -> GalleryBackend:
    """Return the gallery; nothing is connected yet."""

    def of_person(rows: Floats, first: int) -> Floats:
        return template(rows, settings.sim_func, first)

    if not settings.vector_store:
        return MemoryGallery(kept, enrolments, embedders, of_person)
    from db.milvus.connection import Milvus
    from db.milvus.gallery import MilvusGallery

    milvus, by_length = Milvus(settings.vector_store), settings.sim_func == "euclidean"
    return MilvusGallery(kept, enrolments, embedders, of_person, milvus, by_length=by_length)
