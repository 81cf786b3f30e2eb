"""A schema on each server, emptied after every test: making tables is what takes a server long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from db.session import make_engine
from security.audit import START
from tests.db_house import Where
from tests.servers import DatabaseServer


@pytest.fixture(
    params=[
        pytest.param("mariadb_server", marks=pytest.mark.mysql, id="mariadb"),
        pytest.param("mysql9_server", marks=pytest.mark.mysql, id="mysql9"),
    ]
)
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Return each server in turn."""
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def schemas() -> dict[int, Where]:
    """Return the schemas that were made already, by the servers' ports."""
    return {}


@pytest.fixture
def where(server: DatabaseServer, schemas: dict[int, Where]) -> Iterator[Where]:
    """Return a schema that nobody else uses and that is empty but for tables of ours."""
    if server.port not in schemas:
        bare = Where(f"{server.host}:{server.port}", server.user, server.password)
        schemas[server.port] = bare.fresh()
        execute(bare, f"CREATE DATABASE {schemas[server.port].schema} CHARACTER SET utf8mb4")
    place = schemas[server.port]
    execute(place, "SET GLOBAL innodb_flush_log_at_trx_commit = 0, GLOBAL sync_binlog = 0")  # no test cuts the power
    yield place
    empty(place)


def execute(where: Where, *statements: str) -> None:
    """Execute SQL as root."""
    engine = make_engine(where.uri, where.user, where.password, where.schema)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()
    engine.dispose()


def empty(where: Where) -> None:
    """Remove the rows of our tables, and the tables that only a test wanted, over one connection."""
    engine = make_engine(where.uri, where.user, where.password, where.schema)
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for statement in emptying(table):
                connection.exec_driver_sql(statement)
        connection.commit()
    engine.dispose()


def emptying(table: str) -> list[str]:
    """Return the statements after which a table is as it was made."""
    if table in ("faceapp_migrations", "faceapp_own_keys"):
        return []
    special = {
        "faceapp_state": ["UPDATE faceapp_state SET value = 0"],
        "faceapp_audit": [f"UPDATE faceapp_audit SET count = 0, mac = '{START}'"],
        "faceapp": ["DELETE FROM faceapp", "ALTER TABLE faceapp AUTO_INCREMENT = 1"],
    }
    ours = f"DELETE FROM {table}" if table.startswith("faceapp_") else f"DROP TABLE `{table}`"
    return special.get(table, [ours])
