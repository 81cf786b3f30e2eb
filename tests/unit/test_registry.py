"""The table of models: complete, consistent, and light to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.registry import FACENOX_WEIGHTS, FASNET_WEIGHTS, REGISTRY, SIM_FUNCS, Alignment

ROOT = Path(__file__).resolve().parents[2]

DEEPFACE_MODELS = {
    "VGG-Face", "Facenet", "Facenet512", "OpenFace", "DeepFace", "DeepID", "ArcFace", "Dlib", "SFace", "GhostFaceNet",
    "Buffalo_L",
}  # fmt: skip


def test_the_table_holds_deepfaces_models_and_mobilefacenet() -> None:
    assert set(REGISTRY) == DEEPFACE_MODELS | {"MobileFaceNet"}


def test_every_row_stands_under_its_own_name() -> None:
    assert [name for name, spec in REGISTRY.items() if spec.name != name] == []


def test_deepfaces_models_have_a_threshold_for_each_distance() -> None:
    assert {name for name, spec in REGISTRY.items() if set(spec.thresholds) == set(SIM_FUNCS)} == DEEPFACE_MODELS


def test_a_model_with_a_template_takes_its_size() -> None:
    sizes = {spec.input_size for spec in REGISTRY.values() if spec.alignment is Alignment.TEMPLATE_112}
    assert sizes == {(112, 112)}
    assert {spec.input_size for spec in REGISTRY.values() if spec.alignment is Alignment.DLIB_CHIP} == {(150, 150)}


def test_files_come_over_https_and_hashes_are_sha256() -> None:
    files = [*(spec.weights for spec in REGISTRY.values()), *FASNET_WEIGHTS, FACENOX_WEIGHTS]
    assert [one.file for one in files if one.url is None or not one.url.startswith("https://")] == []
    assert {len(one.sha256) for one in files if one.sha256 is not None} == {64}
    assert len({one.file for one in files}) == len(files)


def test_thresholds_cannot_be_changed() -> None:
    for spec in REGISTRY.values():
        assert not hasattr(spec.thresholds, "__setitem__")


def test_importing_the_table_imports_no_library() -> None:
    code = "import sys, pipeline.registry; print(*{'numpy', 'cv2', 'tensorflow', 'openvino'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
