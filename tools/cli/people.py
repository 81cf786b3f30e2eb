"""`bin/faceapp people` and `forget`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from tools.cli.exits import DONE
from tools.cli.talking import Talk, talking


@click.group("people")
def command() -> None:
    """The people who are enrolled, through a running server."""


@command.command("list")
@click.option("--search", default="", metavar="TEXT", help="Only those whose ID or name contains TEXT.")
@talking
def list_people(talk: Talk, search: str) -> int:
    """List everybody."""
    people = list(talk.client.people(search=search))
    if talk.as_json:
        click.echo(json.dumps({"people": [asdict(one) for one in people]}, indent=2, ensure_ascii=False))
        return DONE
    table = Table("ID", "Name")
    for one in people:
        table.add_row(one.id, one.name)
    Console(soft_wrap=True).print(table if people else "Nobody is enrolled.")
    return DONE


@command.command("show")
@click.argument("person_id", metavar="ID")
@talking
def show_person(talk: Talk, person_id: str) -> int:
    """Show a person and the faces."""
    one = talk.client.person(person_id)
    lines = [f"{one.id}  {one.name}", f"Enrolled: {_day(one.since)}; kept until: {_day(one.retain_until)}"]
    lines += [f"Consent: {one.consent}"] if one.consent else []
    talk.show(one, "\n".join([*lines, *(f"Face {face.face_id}, {_day(face.made)}" for face in one.faces)]))
    return DONE


@command.command("rename")
@click.argument("person_id", metavar="ID")
@click.argument("name")
@talking
def rename(talk: Talk, person_id: str, name: str) -> int:
    """Give a person another name."""
    now = talk.client.rename(person_id, name)
    talk.say(asdict(now), f"{now.id} is called {now.name}.")
    return DONE


@click.command("forget")
@click.argument("person_id", metavar="ID")
@talking
def forget(talk: Talk, person_id: str) -> int:
    """Remove every trace of a person, and print the signed receipt."""
    done = talk.client.forget(person_id)
    talk.show(done, json.dumps(done.receipt, indent=2))
    return DONE


command.add_command(forget)


def _day(seconds: int | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).date().isoformat()
