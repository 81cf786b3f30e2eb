"""Run by Alembic: applies the revisions over the connection that `upgrade` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="faceapp_migrations")
context.run_migrations()
