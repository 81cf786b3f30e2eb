"""Every command in one line each. Read by bare Pythons, before anything is installed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Command:
    """A command: what it does, the module whose `main(arguments)` does it, and the group in which help lists it.

    A `bare` command runs before the packages are installed. A `clicked` one is the module's click command `command`.
    `first` are arguments that come before the caller's own.
    """

    about: str
    module: str
    group: str
    bare: bool = False
    clicked: bool = False
    first: tuple[str, ...] = ()


PEOPLE, SERVER, RECORDS, MEASURE, DEVELOP = (
    "People and photos (through a running server)",
    "The server",
    "What the server keeps (on its machine)",
    "Measuring",
    "Development",
)


def _client(about: str, name: str) -> Command:
    return Command(about, f"tools.cli.{name}", PEOPLE, clicked=True)


COMMANDS: Mapping[str, Command] = MappingProxyType({
    "verify": _client("Say whether photos show a person who is enrolled", "verify"),
    "enrol": _client("Enrol photos of a person", "enrol"),
    "compare": _client("Say whether two photos show the same person", "compare"),
    "search": _client("Say who photos show: the nearest people who are enrolled", "search"),
    "detect": _client("Find the faces of photos, with each photo's score", "detect"),
    "people": _client("List, show, rename and forget people", "people"),
    "forget": _client("Remove every trace of a person and print the signed receipt", "forget"),
    "health": _client("Say whether the server can serve requests", "health"),
    "codes": _client("Explain the codes of replies", "codes"),
    "start": Command("Install what is missing, and serve", "tools.installation.start", SERVER, bare=True),
    "setup": Command("Install the packages into .venv", "tools.installation.setup", SERVER, bare=True),
    "init-db": Command("Create schema and tables", "tools.records.tables", SERVER),
    "fetch-models": Command("Fetch weight files", "tools.installation.fetch_models", SERVER),
    "completion": Command(
        "Print what a shell needs to complete commands",
        "tools.cli.completion", SERVER, clicked=True
    ),
    "people-local": Command(
        "List and forget people, link two IDs, without a running server",
        "tools.records.people", RECORDS
    ),
    "keys": Command("Make, list and revoke API keys", "tools.records.keys", RECORDS),
    "why": Command("Say what became of a request, by its X-Request-ID", "tools.records.why", RECORDS),
    "audit": Command(
        "Print the audit's head, verify it, explain what it says of a person",
        "tools.records.audit", RECORDS
    ),
    "rekey": Command("Seal what is kept, change the key, or unseal", "tools.records.rekey", RECORDS),
    "backup": Command(
        "Copy what the server keeps into an empty folder",
        "tools.records.backup", RECORDS, first=("backup",)
    ),
    "restore": Command(
        "Check a backup and put it into an empty place",
        "tools.records.backup", RECORDS, first=("restore",)
    ),
    "enrol-folder": Command("Enrol a folder of people into the store", "tools.enrol_folder.command", RECORDS),
    "import-compreface": Command(
        "Enrol the subjects of a CompreFace server, or of a folder",
        "tools.import_compreface.command", RECORDS
    ),
    "facehash": Command("List, roll back and evaluate FaceHash's classifiers", "tools.facehash.command", RECORDS),
    "import-embeddings": Command(
        "Import a pickle of embeddings as FaceHash users",
        "tools.facehash.import_command", RECORDS
    ),
    "recognize": Command("Name the faces of photos, videos or a camera", "tools.recognize.command", MEASURE),
    "calibrate": Command("Measure thresholds on people of yours", "tools.calibration.command", MEASURE),
    "evaluate": Command("Measure recognition on people of yours", "tools.evaluation.command", MEASURE),
    "evaluate-liveness": Command("Measure liveness (ISO/IEC 30107-3)", "tools.evaluation.liveness_command", MEASURE),
    "evaluate-cues": Command(
        "Measure replay hashes, head turns, smiles and blinks",
        "tools.evaluation.liveness_cues", MEASURE
    ),
    "bench": Command("Measure speed against named peers", "tools.benchmark.command", MEASURE),
    "test": Command("Run every check of this repository", "tools.installation.testing", DEVELOP, bare=True),
    "docs": Command("Update generated tables, Postman collection; build the site", "tools.installation.docs", DEVELOP),
    "soak": Command("Send a server of its own twice what it can do", "tools.soak.command", DEVELOP),
    "chaos": Command("Kill enrolments at random moments and check what is left", "tools.chaos.command", DEVELOP),
    "mutants": Command("Change deciding modules and ask whether a test notices", "tools.mutants.command", DEVELOP),
    "sbom": Command("Print the bill of materials in CycloneDX", "tools.installation.sbom", DEVELOP),
    "train-liveness": Command("Train the liveness model", "tools.training.command", DEVELOP),
    "fit-quality": Command("Fit the quality score", "tools.evaluation.quality_command", DEVELOP),
})  # fmt: skip


def listed() -> str:
    """Return the help that lists every command, as a bare Python prints it."""
    lines = ["Usage: bin/faceapp COMMAND [ARGUMENTS]", "", "bin/faceapp COMMAND --help says more."]
    for group in dict.fromkeys(one.group for one in COMMANDS.values()):
        lines += ["", f"{group}:"]
        lines += [f"  {name:18}{one.about}" for name, one in COMMANDS.items() if one.group == group]
    return "\n".join(lines)


def about(doc: str | None) -> str:
    """Return what a module's docstring says of its command: "`bin/x`: does it." becomes "Does it."."""
    text = (doc or "").partition("`: ")[2]
    return text[:1].upper() + text[1:]
