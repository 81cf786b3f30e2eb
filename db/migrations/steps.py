"""What revisions are made of: steps that do nothing where they are done already."""

import sqlalchemy as sa
from alembic import op

from db.schema import state


def make(*tables: sa.Table) -> None:
    """Create these tables where they are missing."""
    for table in tables:
        op.get_bind().execute(sa.schema.CreateTable(table, if_not_exists=True))


def add_column(table: sa.Table, name: str) -> None:
    """Add a column, as `db.schema` declares it, where it is missing."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table.name)}
    if name not in known:
        op.add_column(table.name, table.c[name].copy())


def first_value(name: str) -> None:
    """Insert a counter, at 0, where it is missing."""
    connection = op.get_bind()
    if connection.execute(sa.select(state.c.value).where(state.c.name == name)).first() is None:
        connection.execute(sa.insert(state).values(name=name, value=0))
