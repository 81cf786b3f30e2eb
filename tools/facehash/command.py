"""`bin/facehash`: the classifiers of the keys, their versions, their users; and the statistics of strangers."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bootstrap.sealing import facehash_files
from codes_dict import Refusal
from db.facehash import FaceHashHomes
from env_validator import Settings, SettingsFault, load_settings
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import SHIPPED
from pipeline.classifier.trainer import Trainer
from tools.benchmark.client import server
from tools.evaluation.layout import read_people
from tools.evaluation.workbench import FAULTS, ROOT, add_common, prepare
from tools.facehash.evaluation import Plan, measure, plan
from tools.facehash.strangers import make, save

UNLIMITED = {"FAILED_VERIFY_LIMIT": "off", "REQUEST_LIMIT": "off"}
"""Settings of the temporary server: strangers are claimed to be a user again and again."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing was done."""
    arguments = make_parser().parse_args(argv)
    try:
        print(_COMMANDS[arguments.what](arguments))
    except (*FAULTS, SettingsFault, Refusal, OSError) as reason:
        print(f"bin/facehash: {reason}", file=sys.stderr)
        return 2
    return 0


def _list(arguments: argparse.Namespace) -> str:
    homes = _homes(_settings(arguments))
    lines = []
    for home in homes.homes():
        version = homes.current(home)
        users = "no users" if version is None else ", ".join(version.users)
        lines.append(f"{home}\tversion {homes.number(home)}\t{users}")
    return "\n".join(lines) or "There are no classifiers."


def _versions(arguments: argparse.Namespace) -> str:
    homes = _homes(_settings(arguments))
    used = homes.number(arguments.home)
    lines = []
    for number in homes.numbers(arguments.home):
        version = homes.read(arguments.home, number)
        when = datetime.fromtimestamp(version.created, UTC).isoformat(timespec="seconds")
        found = version.validation
        said = f"{len(version.users)} users, validation {found.get('recognised')} of {found.get('faces')}"
        lines.append(f"{number}\t{when}\t{said}{' (in use)' if number == used else ''}")
    return "\n".join(lines) or "This key has no classifier."


def _rollback(arguments: argparse.Namespace) -> str:
    homes = _homes(_settings(arguments))
    older = [number for number in homes.numbers(arguments.home) if number < (homes.number(arguments.home) or 0)]
    number = arguments.number or (older[-1] if older else None)
    if number is None:
        raise ValueError("there is no older version to go back to")
    homes.use(arguments.home, number)
    return f"Version {number} is in use. Its users and their faces are what the next training adds to."


def _forget(arguments: argparse.Namespace) -> str:
    """Forget a user in every version, or a whole home."""
    settings = _settings(arguments)
    homes = _homes(settings)
    version = homes.current(arguments.home)
    if version is None:
        raise ValueError("this key has no classifier")
    known = {user for number in homes.numbers(arguments.home) for user in homes.read(arguments.home, number).users}
    if arguments.user is not None and arguments.user not in known:
        raise ValueError("this user is not known")
    left = {name: faces for name, faces in version.faces.items() if name != arguments.user}
    if arguments.user is None or not left:
        homes.remove(arguments.home)
        return "Everything of this key was removed."
    with closing(ClassifierService(homes, Trainer(), version.models, settings.calibration_folder)) as service:
        report = service.train(arguments.home, left, {}, lambda share: None)
    gone = homes.forget_others(arguments.home, report.number)
    return f"The user is forgotten: version {report.number} was trained without, {gone} older versions were removed."


def _strangers(arguments: argparse.Namespace) -> str:
    strangers, card = make(prepare(arguments), arguments.seed)
    found: Mapping[str, float] = card["measured"]
    file = save(strangers, card, arguments.to)
    accepted, recognised = found["strangers_accepted_as_a_given_user"], found["users_recognised"]
    return f"{file}: strangers accepted as a given user {accepted:.4%}, users recognised {recognised:.2%}"


def _evaluate(arguments: argparse.Namespace) -> str:
    """Measure through a temporary server, or a running one without keys and without FAILED_VERIFY_LIMIT."""
    chosen = plan(read_people(arguments.folder), arguments.users, arguments.images, arguments.strangers, arguments.seed)
    if arguments.server:
        return _measured(arguments.server, chosen)
    with tempfile.TemporaryDirectory(prefix="faceapp-facehash-") as place:
        changes = {"SELECTED_MODELS": arguments.models, "MODEL_MIRROR": arguments.mirror or "", **UNLIMITED}
        with server(Path(place) / "server", changes) as running:
            return _measured(running.address, chosen)


def _measured(address: str, chosen: Plan) -> str:
    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = requests.post(f"{address}{path}", json=body, timeout=300).json()
        return reply

    return json.dumps(measure(post, chosen), indent=2)


def _settings(arguments: argparse.Namespace) -> Settings:
    return load_settings(arguments.env)


def _homes(settings: Settings) -> FaceHashHomes:
    return FaceHashHomes(facehash_files(settings))


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], str]] = {
    "list": _list,
    "versions": _versions,
    "rollback": _rollback,
    "forget": _forget,
    "strangers": _strangers,
    "evaluate": _evaluate,
}


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env", type=Path, default=ROOT / ".env", metavar="FILE", help="default: .env")
    parser = argparse.ArgumentParser(prog="bin/facehash", description="FaceHash's classifiers, one for each key.")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    kinds.add_parser("list", parents=[common], help="list every key's classifier and users")
    about = {
        "versions": "list the versions of a key's classifier",
        "rollback": "use an older version: the one before, or NUMBER",
        "forget": "forget a user in every version, or without USER the whole key",
    }
    for name, meaning in about.items():
        one = kinds.add_parser(name, parents=[common], help=meaning)
        one.add_argument("home", metavar="KEY", help="the key's id (bin/keys list), or API_KEY_TEST_1")
        if name == "rollback":
            one.add_argument("number", type=int, nargs="?", metavar="NUMBER")
        if name == "forget":
            one.add_argument("user", nargs="?", metavar="USER")
    evaluate = kinds.add_parser("evaluate", help="measure a server on a folder of people")
    evaluate.add_argument("folder", type=Path, metavar="FOLDER")
    evaluate.add_argument("--server", metavar="URL", help="default: a temporary server with FAILED_VERIFY_LIMIT=off")
    evaluate.add_argument("--models", default="Dlib,SFace", help="models of that server (default: %(default)s)")
    evaluate.add_argument("--mirror", metavar="DIR", help="folder of weights for it")
    for name, default in (("users", 20), ("images", 10), ("strangers", 1000), ("seed", 1)):
        evaluate.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    strangers = kinds.add_parser("strangers", help="make the statistics of strangers from a folder of people")
    add_common(strangers)
    strangers.add_argument("--to", type=Path, default=SHIPPED, metavar="DIR", help="folder for the file and its card")
    return parser
