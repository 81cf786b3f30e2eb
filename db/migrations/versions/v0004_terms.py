"""Consent references and retention dates."""

from db import schema
from db.migrations.steps import make

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Create the table."""
    make(schema.terms)
