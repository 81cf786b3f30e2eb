"""Tables of a server as files of JSON lines: read in one snapshot, written in one transaction."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code
from db.schema import OWN, PeopleNames
from tools.backup.manifest import Store
from tools.cli.options import batches

_BATCH = 1000


def dump(store: Store, folder: Path) -> str:
    """Write every table as it is at one moment; return the statement that makes the people table."""
    folder.mkdir(parents=True)
    engine = store.database.engine
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True) as connection:
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        quoted = connection.dialect.identifier_preparer.quote_identifier(store.names.table)
        made = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()[1])
        for table in (*OWN.sorted_tables, _people(connection, store.names)):
            with (folder / f"{_file_of(table, store.names)}.jsonl").open("x", encoding="utf-8") as file:
                for row in connection.execute(sa.select(table)):
                    file.write(json.dumps([*row], default=_of_bytes) + "\n")
    return made


def load(store: Store, folder: Path, people_table: str) -> None:
    """Make the tables and write the rows, all or none. Raises `Refusal`."""
    with store.database.writing(failed=Code.DB_DOWN) as connection:
        if not sa.inspect(connection).has_table(store.names.table):
            connection.exec_driver_sql(people_table.replace("%", "%%"))
    store.initialise()
    with store.database.writing(failed=Code.DB_DOWN) as connection:
        for table in (*OWN.sorted_tables, _people(connection, store.names)):
            connection.execute(sa.delete(table))
            names = [column.name for column in table.columns]
            for rows in _batches(folder / f"{_file_of(table, store.names)}.jsonl"):
                connection.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def active_tokens(folder: Path) -> list[str]:
    """Return the enrolments that count in a dump."""
    columns = [column.name for column in OWN.tables["faceapp_enrolments"].columns]
    token, removed = columns.index("token"), columns.index("removed_version")
    rows = (row for batch in _batches(folder / "faceapp_enrolments.jsonl") for row in batch)
    return [str(row[token]) for row in rows if row[removed] is None]


def _file_of(table: sa.Table, names: PeopleNames) -> str:
    return "people" if table.name == names.table else table.name


def _people(connection: Connection, names: PeopleNames) -> sa.Table:
    return sa.Table(names.table, sa.MetaData(), autoload_with=connection)


def _of_bytes(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}


def _batches(path: Path) -> Iterator[list[list[Any]]]:
    with path.open(encoding="utf-8") as file:
        for lines in batches(file, _BATCH):
            yield [json.loads(line, object_hook=lambda value: base64.b64decode(value["base64"])) for line in lines]
