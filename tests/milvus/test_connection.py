"""The connection to Milvus: bounded waits, no secret copied anywhere, and nothing imported that was not asked for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.milvus import connection
from db.milvus.collection import VectorCollection
from db.milvus.connection import Milvus

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def silent() -> Iterator[int]:
    """Return the port of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.mark.parametrize("place", ["http://127.0.0.1:{port}", "http://root:S3cret@127.0.0.1:{port}"])
def test_a_server_that_never_answers_is_156_without_a_password_in_the_reason(
    silent: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    with pytest.raises(Refusal) as refused:
        VectorCollection(Milvus(place.format(port=silent)), "anything", 3, "COSINE").mark()
    assert refused.value.code is Code.VECTORS_DOWN
    assert "S3cret" not in f"{refused.value.detail}"


def test_a_milvus_lite_file_that_another_process_holds_is_156(tmp_path: Path) -> None:
    file = str(tmp_path / "lite.db")
    hold = f"from milvus_lite import MilvusLite; held = MilvusLite({file!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        collection = VectorCollection(Milvus(file), "anything", 3, "COSINE")
        with pytest.raises(Refusal) as refused:
            collection.mark()
        other.communicate("\n")
    assert refused.value.code is Code.VECTORS_DOWN
    assert collection.mark() is None


def test_its_import_copies_no_settings_into_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SUPER_PASSWORD=S3cret\n")
    program = "import os; from db.milvus.connection import library; library(); print(os.environ.get('SUPER_PASSWORD'))"
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=paths, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_a_gallery_in_memory_imports_nothing_of_milvus() -> None:
    program = """
import sys
from types import SimpleNamespace
import faceapp, bootstrap.container, bootstrap.maintenance
from bootstrap.vectors import check_packages, open_gallery
settings = SimpleNamespace(vector_store="", sim_func="cosine", db_path=None)
check_packages(settings)
heavy = ("pymilvus", "milvus_lite", "grpc", "pyarrow", "pandas", "db.milvus.connection")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
