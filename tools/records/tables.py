"""`bin/init-db`: create the schema, the people table and the server's own tables. A second run changes nothing."""

import click

from bootstrap.records import create_tables
from env_validator import Settings
from tools.installation.first_settings import make_folders
from tools.records.rekey import begin_empty
from tools.records.running import Told, on_records, settings_file


@click.command("init-db")
@click.option("--seal", is_flag=True, help="Make a key that seals photos, faces and embeddings on the disk (DATA_KEY).")
@on_records("init-db", first=make_folders)
def command(settings: Settings, seal: bool) -> Told:
    """Create the schema, the people table and the server's own tables. A second run changes nothing."""
    create_tables(settings)
    sealed = begin_empty(settings_file(), settings) if seal else ""
    place = settings.sql_uri if settings.sqlite_path else f"schema {settings.sql_schema} on {settings.sql_uri}"
    lines = [*filter(None, [sealed]), f"Table {settings.sql_table} and the faceapp_* tables exist: {place}"]
    return Told("\n".join(lines), {"table": settings.sql_table, "place": place, "sealed": bool(seal)})
