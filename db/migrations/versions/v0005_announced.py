"""People who have a name and no face yet."""

from db import schema
from db.migrations.steps import make

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Create what is missing."""
    make(schema.announced)
