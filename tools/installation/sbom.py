"""The bill of materials, in CycloneDX: every pinned package of the server, and its weights. `bin/sbom` prints it."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

from pipeline.registry import LIVENESS_FILES, REGISTRY


def document(root: Path) -> str:
    """Return the bill of materials as JSON."""
    bom = Bom()
    bom.metadata.component = Component(name="faceapp", type=ComponentType.APPLICATION, bom_ref="faceapp")
    for component in (*_packages(root), *_weights()):
        bom.components.add(component)
        bom.register_dependency(bom.metadata.component, [component])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def _packages(root: Path) -> Iterator[Component]:
    for line in (root / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate():
            version = str(need.specifier).removeprefix("==")
            url = PackageURL("pypi", name=need.name, version=version)
            licences = [DisjunctiveLicense(name=name) for name in _licence(need.name)]
            yield Component(name=need.name, version=version, purl=url, bom_ref=url.to_string(), licenses=licences)


def _licence(name: str) -> list[str]:
    """Return what an installed package says of its licence, in a few words."""
    try:
        said = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    text = next((str(said[field]).strip() for field in ("License-Expression", "License") if field in said), "")
    return [text.splitlines()[0][:100]] if text else []


def _weights() -> Iterator[Component]:
    known = [spec.weights for spec in REGISTRY.values()] + [file for files in LIVENESS_FILES.values() for file in files]
    for file in {file.file: file for file in known}.values():
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)] if file.sha256 else []
        yield Component(
            name=file.file, type=ComponentType.MACHINE_LEARNING_MODEL, bom_ref=f"weights/{file.file}", hashes=hashes,
            licenses=[DisjunctiveLicense(name=file.licence)] if file.licence else [],
        )  # fmt: skip
