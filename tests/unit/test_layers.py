"""Rules that import-linter cannot check: root modules, heavy imports, reading the environment, swallowed exceptions."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {file.parent.name for file in ROOT.glob("*/__init__.py")}
MODULES = {file.stem for file in ROOT.glob("*.py")}

MAY_IMPORT = {
    "codes_dict": set(),
    "env_validator": {"settings", "codes_dict", "pipeline"},
    "faceapp": (PACKAGES | MODULES) - {"tests", "tools", "faceapp"},
}
"""What each module of the root may import of this repository; import-linter treats these modules as external."""

READ_ENVIRONMENT = {
    *("pipeline/models/zoo.py", "tools/import_compreface/command.py"),
    *("tools/installation/start.py", "tools/installation/testing.py"),
}
"""DeepFace is told its folder by no other means; the tools of the installation run before there is a `.env`; the key of
somebody else's server is no setting."""


def sources() -> list[Path]:
    files = [file for package in PACKAGES - {"tests"} for file in (ROOT / package).rglob("*.py")]
    return sorted(files + list(ROOT.glob("*.py")))


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_import_linter_covers_every_package() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(configured["root_packages"]) == PACKAGES


def test_every_module_of_the_root_has_a_rule() -> None:
    assert set(MAY_IMPORT) == MODULES


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_the_modules_of_the_root_import_one_way(module: str) -> None:
    imported = {name.split(".")[0] for name in imports_of(ROOT / f"{module}.py")}
    assert imported & (PACKAGES | MODULES) <= MAY_IMPORT[module]


def test_only_the_settings_reader_looks_at_the_environment() -> None:
    readers = {
        name_of(file)
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.getenv", "os.environ.get")
    }
    assert readers <= READ_ENVIRONMENT


def test_importing_the_server_loads_no_model_library() -> None:
    heavy = ("tensorflow", "keras", "deepface", "mtcnn", "dlib", "albumentations", "openvino", "openvino")
    code = f"import sys, faceapp; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_exception_is_swallowed() -> None:
    silent = [
        f"{name_of(file)}:{node.lineno}"
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
    ]
    assert silent == []
