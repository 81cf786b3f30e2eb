"""`bin/facehash`: the classifiers of the keys, their versions, their users; and the statistics of strangers."""

import json
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import requests

from bootstrap.sealing import facehash_files
from codes_dict import Refusal
from db.facehash import FaceHashHomes
from env_validator import Settings, SettingsFault, load_settings
from pipeline.classifier.service import ClassifierService
from pipeline.classifier.strangers import SHIPPED
from pipeline.classifier.trainer import Trainer
from tools.benchmark.client import server
from tools.cli.exits import DONE
from tools.cli.options import FILE, env_option, results, text_option
from tools.evaluation.layout import read_people
from tools.evaluation.workbench import FAULTS, common_options, prepare
from tools.facehash.evaluation import Plan, measure, plan
from tools.facehash.strangers import make, save

UNLIMITED = {"FAILED_VERIFY_LIMIT": "off", "REQUEST_LIMIT": "off"}
"""Settings of the temporary server: strangers are claimed to be a user again and again."""


_FAULTS = (*FAULTS, SettingsFault, Refusal, OSError)
_KEY = click.argument("home", metavar="KEY")


@click.group("facehash")
def command() -> None:
    """FaceHash's classifiers, one for each KEY: the key's id (bin/keys list), or API_KEY_TEST_1."""


@command.command("list")
@env_option
@results(*_FAULTS)
def list_homes(env: Path) -> tuple[Any, int]:
    """List every key's classifier and users."""
    homes, found = _homes(load_settings(env)), []
    for home in homes.homes():
        version = homes.current(home)
        users = [] if version is None else [*version.users]
        found.append({"key": home, "version": homes.number(home), "users": users})
        print(f"{home}\tversion {homes.number(home)}\t{', '.join(users) or 'no users'}")
    if not found:
        print("There are no classifiers.")
    return {"classifiers": found}, DONE


@command.command("versions")
@_KEY
@env_option
@results(*_FAULTS)
def versions(home: str, env: Path) -> tuple[Any, int]:
    """List the versions of a key's classifier."""
    homes, found = _homes(load_settings(env)), []
    for number in homes.numbers(home):
        version = homes.read(home, number)
        when = datetime.fromtimestamp(version.created, UTC).isoformat(timespec="seconds")
        said = f"{len(version.users)} users, validation {version.validation.get('recognised')} of "
        said += f"{version.validation.get('faces')}{' (in use)' if number == homes.number(home) else ''}"
        print(f"{number}\t{when}\t{said}")
        about = {"users": [*version.users], "validation": dict(version.validation)}
        found.append({"number": number, "made": when, "in_use": number == homes.number(home), **about})
    if not found:
        print("This key has no classifier.")
    return {"versions": found}, DONE


@command.command("rollback")
@_KEY
@click.argument("number", type=int, required=False)
@env_option
@results(*_FAULTS)
def rollback(home: str, number: int | None, env: Path) -> tuple[Any, int]:
    """Use an older version: the one before, or NUMBER."""
    homes = _homes(load_settings(env))
    older = [one for one in homes.numbers(home) if one < (homes.number(home) or 0)]
    chosen = number or (older[-1] if older else None)
    if chosen is None:
        raise ValueError("there is no older version to go back to")
    homes.use(home, chosen)
    print(f"Version {chosen} is in use. Its users and their faces are what the next training adds to.")
    return {"in_use": chosen}, DONE


@command.command("forget")
@_KEY
@click.argument("user", required=False)
@env_option
@results(*_FAULTS)
def forget(home: str, user: str | None, env: Path) -> tuple[Any, int]:
    """Forget a USER in every version, or without USER the whole key."""
    settings = load_settings(env)
    homes = _homes(settings)
    version = homes.current(home)
    if version is None:
        raise ValueError("this key has no classifier")
    known = {one for number in homes.numbers(home) for one in homes.read(home, number).users}
    if user is not None and user not in known:
        raise ValueError("this user is not known")
    left = {name: faces for name, faces in version.faces.items() if name != user}
    if user is None or not left:
        homes.remove(home)
        print("Everything of this key was removed.")
        return {"version": None, "removed": "all"}, DONE
    with closing(ClassifierService(homes, Trainer(), version.models, settings.calibration_folder)) as service:
        report = service.train(home, left, {}, lambda share: None)
    gone = homes.forget_others(home, report.number)
    print(f"The user is forgotten: version {report.number} was trained without, {gone} older versions were removed.")
    return {"version": report.number, "removed": gone}, DONE


@command.command("strangers")
@common_options()
@click.option("--to", type=FILE, default=SHIPPED, show_default=False, metavar="DIR", help="Folder of file and card.")
@results(*_FAULTS)
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
@results(*_FAULTS)
def evaluate(
    folder: Path, address: str | None, models: str, mirror: str, users: int, images: int, others: int, seed: int
) -> tuple[Any, int]:
    """Measure a temporary server, or a running one without keys and without FAILED_VERIFY_LIMIT, on people."""
    chosen = plan(read_people(folder), users, images, others, seed)
    if address:
        found = _measured(address, chosen)
    else:
        with tempfile.TemporaryDirectory(prefix="faceapp-facehash-") as place:
            changes = {"SELECTED_MODELS": models, "MODEL_MIRROR": mirror, **UNLIMITED}
            with server(Path(place) / "server", changes) as running:
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
