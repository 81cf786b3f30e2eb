"""Every command in one line each. Read by bare Pythons, before anything is installed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Command:
    """A command: the group in which help lists it, what it does, and the module that has it as click command `name`."""

    group: str
    about: str
    module: str
    name: str

    @property
    def is_bare(self) -> bool:
        """Whether it runs before the packages are installed; its module has `main(arguments)` and `make_parser()`."""
        return not self.name


_GROUPS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "People and photos (through a running server)": {
        "verify": ("cli.photos:verify", "Say whether photos show a person who is enrolled"),
        "enrol": ("cli.photos:enrol", "Enrol photos of a person"),
        "compare": ("cli.photos:compare", "Say whether two photos show the same person"),
        "search": ("cli.photos:search", "Say who photos show: the nearest people who are enrolled"),
        "detect": ("cli.photos:detect", "Find the faces of photos, with each photo's score"),
        "people": ("cli.people:command", "List, show, rename and forget people"),
        "forget": ("cli.people:forget", "Remove every trace of a person and print the signed receipt"),
        "health": ("cli.codes:health", "Say whether the server can serve requests"),
        "codes": ("cli.codes:command", "Explain the codes of replies"),
    },
    "The server": {
        "start": ("installation.start:", "Install what is missing, and serve"),
        "setup": ("installation.environment:", "Install the packages into .venv"),
        "init-db": ("records.rekey:init_db", "Create schema and tables"),
        "fetch-models": ("installation.fetch_models:command", "Fetch weight files"),
        "completion": ("cli.completion:command", "Print what a shell needs to complete commands"),
    },
    "What the server keeps (on its machine)": {
        "people-local": ("records.people:command", "List and forget people, link two IDs, without a running server"),
        "keys": ("records.keys:command", "Make, list and revoke API keys"),
        "why": ("records.why:command", "Say what became of a request, or what a code means"),
        "audit": ("records.audit:command", "Print the audit's head, verify it, explain a person's entries"),
        "rekey": ("records.rekey:command", "Seal what is kept, change the key, or unseal"),
        "backup": ("records.backup:backup_command", "Copy what the server keeps into an empty folder"),
        "restore": ("records.backup:restore_command", "Check a backup and put it into an empty place"),
        "enrol-folder": ("enrol_folder.command:command", "Enrol a folder of people into the store"),
        "import-compreface": ("import_compreface.command:command", "Enrol the subjects of a CompreFace server"),
        "facehash": ("facehash.command:command", "List, roll back and evaluate FaceHash's classifiers"),
        "import-embeddings": ("facehash.import_command:command", "Import a pickle of embeddings as FaceHash users"),
    },
    "Measuring": {
        "recognize": ("recognize.command:command", "Name the faces of photos, videos or a camera"),
        "calibrate": ("calibration.command:command", "Measure thresholds on your own people"),
        "evaluate": ("evaluation.command:command", "Measure recognition on your own people"),
        "evaluate-liveness": ("evaluation.liveness_command:command", "Measure liveness (ISO/IEC 30107-3)"),
        "evaluate-cues": ("evaluation.liveness_cues:command", "Measure replay hashes, head turns, smiles and blinks"),
        "bench": ("benchmark.command:command", "Measure speed against named peers"),
    },
    "Development": {
        "test": ("installation.testing:", "Run every check of this repository"),
        "docs": ("installation.docs:command", "Update generated pages and the Postman collection; build the site"),
        "soak": ("soak.command:command", "Send a server of its own twice what it can do"),
        "chaos": ("chaos.command:command", "Kill enrolments at random moments and check what is left"),
        "mutants": ("mutants.command:command", "Change deciding modules and ask whether a test notices"),
        "sbom": ("installation.sbom_command:command", "Print the bill of materials in CycloneDX"),
        "train-liveness": ("training.command:command", "Train the liveness model"),
        "fit-quality": ("evaluation.quality_shipping:command", "Fit the quality score"),
    },
}

COMMANDS: Mapping[str, Command] = MappingProxyType({
    name: Command(group, about, *f"tools.{place}".split(":"))
    for group, rows in _GROUPS.items()
    for name, (place, about) in rows.items()
})  # fmt: skip

OWN_NAMES = MappingProxyType({"people": "people-local"})
"""Files of `bin/` whose name is not that of their command."""


def listed() -> str:
    """Return the help that lists every command, as a bare Python prints it."""
    lines = ["Usage: bin/faceapp COMMAND [ARGUMENTS]", "", "bin/faceapp COMMAND --help says more."]
    for group in _GROUPS:
        lines += ["", f"{group}:"]
        lines += [f"  {name:18}{one.about}" for name, one in COMMANDS.items() if one.group == group]
    return "\n".join(lines)
