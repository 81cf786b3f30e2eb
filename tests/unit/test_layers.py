"""The house: imports point one way, importing has no effect, and settings have one reader."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TYPES = {"pipeline.types", "pipeline.ports", "pipeline.registry", "pipeline.parallel", "codes_dict"}
PURE_STAGES = {"pipeline.stages.align", "pipeline.stages.augment", "pipeline.stages.distance", "pipeline.stages.decode"}

MAY_IMPORT = {
    "codes_dict": set(),
    "pipeline.types": {"codes_dict"},
    "pipeline.ports": {"codes_dict", "pipeline.types"},
    "pipeline.registry": set(),
    "pipeline.ledger": {"codes_dict"},
    "pipeline.stages": TYPES | {"pipeline.stages", "pipeline.ledger"},
    "pipeline.flows": TYPES | {"pipeline.stages", "pipeline.ledger", "pipeline.flows"},
    "pipeline.models": TYPES | PURE_STAGES | {"pipeline.models"},
    "pipeline.scoring": TYPES | PURE_STAGES | {"pipeline.scoring"},
    "db": TYPES | {"db"},
    "security": TYPES | {"security"},
    "settings": {"pipeline.registry", "codes_dict", "settings"},
    "env_validator": {"pipeline.registry", "codes_dict", "settings"},
    "api": {"api", "pipeline.flows", "codes_dict"},
}
"""Package to what it may import of ours. What is not listed (wiring, commands, measuring) may import all but tests."""

OURS = {name.split(".")[0] for name in MAY_IMPORT} | {"faceapp", "tests", "bin"}


def sources() -> list[Path]:
    folders = ("api", "db", "pipeline", "security", "settings")
    files = [ROOT / "codes_dict.py", ROOT / "env_validator.py", ROOT / "faceapp.py"]
    return files + [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_in(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("file", sources(), ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    module = module_of(file)
    package = max((name for name in MAY_IMPORT if is_in(module, {name})), key=len, default=None)
    ours = [name for name in imports_of(file) if name.split(".")[0] in OURS]
    forbidden = {"tests", "bin"} if package is None else set()
    allowed = OURS if package is None else MAY_IMPORT[package]
    assert [name for name in ours if not is_in(name, allowed) or is_in(name, forbidden)] == []


@pytest.mark.parametrize("file", sources(), ids=module_of)
def test_only_the_settings_reader_looks_at_the_environment(file: Path) -> None:
    readers = {"env_validator", "pipeline.models.zoo"}  # DeepFace is told its folder by no other means
    if module_of(file) in readers:
        return
    named = {ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
    reads = {"os.getenv", "os.environ.get"} & named
    assert not reads
    assert not any(name.split(".")[0] == "dotenv" for name in imports_of(file))


def test_importing_the_server_loads_no_model_library() -> None:
    heavy = ("tensorflow", "keras", "deepface", "mtcnn", "dlib", "albumentations", "onnxruntime")
    code = f"import sys, faceapp; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_exception_is_swallowed() -> None:
    silent = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
    ]
    assert silent == []
