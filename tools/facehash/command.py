"""`bin/facehash`: the classifiers of the keys, their versions, their users; and the statistics of strangers."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import requests

from bootstrap.sealing import facehash_files
from db.facehash import FaceHashHomes
from env_validator import Settings
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import SHIPPED
from pipeline.classifier.trainer import Trainer
from pipeline.ports import UsersFaces
from tools.benchmark.client import server
from tools.cli.exits import DONE
from tools.cli.options import FILE, results, text_option
from tools.evaluation.layout import read_people
from tools.evaluation.workbench import FAULTS, common_options, prepare
from tools.facehash.evaluation import Plan, measure, plan
from tools.facehash.strangers import make, save
from tools.records.running import Told, on_records

_KEY = click.argument("home", metavar="KEY")
UNLIMITED = {"FAILED_VERIFY_LIMIT": "off", "REQUEST_LIMIT": "off"}
"""Settings of the temporary server: strangers are claimed to be a user again and again."""


@click.group("facehash")
def command() -> None:
    """FaceHash's classifiers, one for each KEY: the key's id (bin/keys list), or API_KEY_TEST_1."""


@command.command("list")
@on_records("facehash")
def list_homes(settings: Settings) -> Told:
    """List every key's classifier and users."""
    homes, lines, found = _homes(settings), list[str](), list[dict[str, Any]]()
    for home in homes.homes():
        version, number = homes.current(home), homes.number(home)
        users = [] if version is None else [*version.users]
        found.append({"key": home, "version": number, "users": users})
        lines.append(f"{home}\tversion {number}\t{', '.join(users) or 'no users'}")
    return "\n".join(lines) or "There are no classifiers.", {"classifiers": found}


@command.command("versions")
@_KEY
@on_records("facehash")
def versions(settings: Settings, home: str) -> Told:
    """List the versions of a key's classifier."""
    homes, lines, found = _homes(settings), list[str](), list[dict[str, Any]]()
    for number in homes.numbers(home):
        version, is_used = homes.read(home, number), number == homes.number(home)
        when = datetime.fromtimestamp(version.created, UTC).isoformat(timespec="seconds")
        checked = dict(version.validation)
        said = f"{len(version.users)} users, validation {checked.get('recognised')} of {checked.get('faces')}"
        lines.append(f"{number}\t{when}\t{said}{' (in use)' if is_used else ''}")
        about = {"users": [*version.users], "validation": checked}
        found.append({"number": number, "made": when, "in_use": is_used, **about})
    return "\n".join(lines) or "This key has no classifier.", {"versions": found}


@command.command("rollback")
@_KEY
@click.argument("number", type=int, required=False)
@on_records("facehash")
def rollback(settings: Settings, home: str, number: int | None) -> Told:
    """Use an older version: the one before, or NUMBER."""
    homes = _homes(settings)
    older = [one for one in homes.numbers(home) if one < (homes.number(home) or 0)]
    chosen = number if number is not None else (older[-1] if older else None)
    if chosen is None:
        raise ValueError("there is no older version to go back to")
    homes.use(home, chosen)
    text = f"Version {chosen} is in use. Its users and their faces are what the next training adds to."
    return text, {"in_use": chosen}


@command.command("forget")
@_KEY
@click.argument("user", required=False)
@on_records("facehash")
def forget(settings: Settings, home: str, user: str | None) -> Told:
    """Forget a USER in every version, or without USER the whole key."""
    homes = _homes(settings)
    version = homes.current(home)
    if version is None:
        raise ValueError("this key has no classifier")
    known = {one for number in homes.numbers(home) for one in homes.read(home, number).users}
    if user is not None and user not in known:
        raise ValueError("this user is not known")
    if user is None or not {*version.users} - {user}:
        homes.remove(home)
        return "Everything of this key was removed.", {"version": None}

    def without(users: UsersFaces) -> UsersFaces:
        return {name: faces for name, faces in users.items() if name != user}

    with closing(ClassifierService(homes, Trainer(), version.models, settings.calibration_folder)) as service:
        report = service.train(home, without, {}, lambda share: None)
    gone = homes.forget_older(home, report.number)
    text = f"The user is forgotten: version {report.number} was trained without, {gone} older versions were removed."
    return text, {"version": report.number}


@command.command("strangers")
@common_options()
@click.option("--to", type=FILE, default=SHIPPED, show_default=False, metavar="DIR", help="Folder of file and card.")
@results(*FAULTS, OSError)
def strangers(**given: Any) -> tuple[Any, int]:
    """Make the statistics of strangers from a folder of people."""
    made, card = make(prepare(SimpleNamespace(**given)), given["seed"])
    found: Mapping[str, float] = card["measured"]
    accepted, recognised = found["strangers_accepted_as_a_given_user"], found["users_recognised"]
    said = f"strangers accepted as a given user {accepted:.4%}, users recognised {recognised:.2%}"
    print(f"{save(made, card, given['to'])}: {said}")
    return card, DONE


@command.command("evaluate")
@click.argument("folder", type=FILE)
@click.option("--server", "address", metavar="URL", help="(default: a temporary server with FAILED_VERIFY_LIMIT=off)")
@click.option("--models", default="Dlib,SFace", help="Models of that server.")
@text_option("--mirror", metavar="DIR", help="Folder of weights for it.")
@click.option("--users", default=20, help="People who are trained.")
@click.option("--images", default=10, help="Photos of each.")
@click.option("--strangers", "others", default=1000, help="People who are claimed to be users.")
@click.option("--seed", default=1, help="Seed of all random choices.")
@results(*FAULTS, OSError)
def evaluate(
    folder: Path, address: str | None, models: str, mirror: str, users: int, images: int, others: int, seed: int
) -> tuple[Any, int]:
    """Measure a temporary server, or a running one without keys and without FAILED_VERIFY_LIMIT, on people."""
    chosen = plan(read_people(folder), users, images, others, seed)
    if address:
        found = _measured(address, chosen)
    else:
        with server({"SELECTED_MODELS": models, "MODEL_MIRROR": mirror, **UNLIMITED}) as running:
            found = _measured(running.address, chosen)
    print(json.dumps(found, indent=2))
    return found, DONE


def _measured(address: str, chosen: Plan) -> dict[str, Any]:
    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = requests.post(f"{address}{path}", json=body, timeout=300).json()
        return reply

    return measure(post, chosen)


def _homes(settings: Settings) -> FaceHashHomes:
    return FaceHashHomes(facehash_files(settings))
