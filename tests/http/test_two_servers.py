"""Several server processes with folders of their own share database, images and, with it or without, Milvus.

What one enrols the other sees at once, and a server killed in the middle of an enrolment leaves the old state or the
new one to the others.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from db.initialise import initialise
from db.schema import PeopleNames
from faceapp_client import Client, RefusedError, Retries, UnreachableError
from tests.db_house import Where
from tests.http.site import ENV, ID, OTHER_ID, ROOT, variant
from tests.http.test_load import SETTINGS
from tools.installation.trial import PROGRAM, TrialServer, trial_server, write_settings

pytestmark = pytest.mark.models

MORTAL = f"""
import os, signal, sys
from pathlib import Path
from db.enrolment_unit import EnrolmentUnit
order = Path(sys.argv[1]).with_name("die at")
def step(name):
    if order.exists() and order.read_text() == name:
        os.kill(os.getpid(), signal.SIGKILL)
EnrolmentUnit.__init__.__kwdefaults__["step"] = step
{PROGRAM}
"""
"""A server that kills itself at the step of an enrolment that a file beside its `.env` names."""


class Caller:
    """Speaks to one server."""

    def __init__(self, server: TrialServer) -> None:
        self.server, self.client = server, Client(server.address, retries=Retries(most=0))

    def upload(self, photo: bytes, person_id: str = ID) -> str:
        return self.client.upload(person_id, photo).upload_id

    def enrol(self, upload_id: str, name: str, *, in_place: bool = True) -> int:
        return self.client.enrol(upload_id, name, in_place=in_place).code

    def seen(self, upload_id: str) -> list[tuple[int, str | None, float | None]]:
        """Return (code, name, distance) of a verification against the ID's row and of one by search alone."""
        return [self._verified(upload_id, skip) for skip in (False, True)]

    def _verified(self, upload_id: str, skip: bool) -> tuple[int, str | None, float | None]:
        try:
            verdict = self.client.verify(upload_id, skip_verify=skip, skip_liveness=True)
        except RefusedError as refused:
            return refused.code or 0, None, None
        return verdict.code, verdict.name, verdict.distance


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    """Run a server that lasts for all tests: an edit of its settings gives it another database, live."""
    with trial_server(ROOT, tmp_path_factory.mktemp("one"), SETTINGS) as server:
        yield server


@pytest.fixture(params=["milvus", "memory"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, mariadb_server: Any) -> Mapping[str, str]:
    """Return the settings of what servers share: a fresh schema, an empty folder for images, and Milvus or none."""
    store = f"milvus:{request.getfixturevalue('milvus_server').uri}" if request.param == "milvus" else ""
    where = Where(f"{mariadb_server.host}:{mariadb_server.port}", mariadb_server.user, mariadb_server.password).fresh()
    columns = {key: ENV[key] for key in ("SQL_TABLE", "ID_COL", "NAME_COL", "PATH_COL")}
    initialise(where.uri, PeopleNames(*columns.values()), where.user, where.password, where.schema)
    (tmp_path / "images").mkdir()
    place = {"SQL_URI": where.uri, "SQL_USER": where.user, "SQL_PASS": where.password, "SQL_SCHEMA": where.schema}
    images = {"DB_PATH": str(tmp_path / "images"), "VECTOR_STORE": store, "VER_TOL": "1"}
    return {**SETTINGS, **columns, **place, **images}


@pytest.fixture
def servers(lasting: TrialServer, shared: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[Caller, Caller]]:
    """Return two running servers; the second one can be told to die."""
    write_settings(ROOT, lasting.folder, {"HOST": "127.0.0.1", "PORT": str(lasting.port), **shared})
    (tmp_path / "two").mkdir()
    with trial_server(ROOT, tmp_path / "two", shared, MORTAL) as mortal:
        yield Caller(lasting), Caller(mortal)


def images(shared: Mapping[str, str]) -> set[str]:
    return {path.name for path in Path(shared["DB_PATH"]).iterdir() if path.is_dir() and path.name[0] != "."}


def test_what_one_server_enrols_the_other_sees_at_once_and_a_kill_leaves_the_old_state(
    shared: Mapping[str, str], servers: tuple[Caller, Caller], astronaut: bytes, grace_hopper: bytes
) -> None:
    one, two = servers
    probe, impostor = one.upload(variant(astronaut)), one.upload(variant(grace_hopper))
    assert one.seen(probe) == [(116, None, None), (500, None, None)]
    assert two.enrol(two.upload(astronaut), "Ada Lovelace") == 838
    ((verified, name, distance), (found, *searched)) = old = one.seen(probe)
    assert (verified, found, name, [name, distance]) == (200, 134, "Ada Lovelace", searched)
    assert [number for number, _, _ in one.seen(impostor)] == [500, 500]
    assert one.enrol(one.upload(grace_hopper, OTHER_ID), "Grace Hopper", in_place=False) == 800
    assert [number for number, _, _ in two.seen(two.upload(variant(grace_hopper)))] == [100, 100]

    again = two.upload(variant(astronaut, 0.8, 5, -3.0))
    (two.server.folder / "die at").write_text("ready to commit")
    with pytest.raises(UnreachableError):
        two.enrol(again, "Augusta King")
    assert two.server.process.wait(120) == -signal.SIGKILL
    assert one.seen(probe) == old
    assert one.enrol(one.upload(variant(astronaut, 0.8, 5, -3.0)), "Augusta King") == 900
    ((verified, name, distance), (found, *searched)) = one.seen(probe)
    assert (verified, found, name, [name, distance]) == (200, 134, "Augusta King", searched)
    assert distance != old[0][2]
    assert images(shared) >= {f"augusta_king-{ID}", f"grace_hopper-{OTHER_ID}"}
