"""Where faces are that were written anew."""

from db import schema
from db.migrations.steps import make

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Create what is missing."""
    make(schema.face_ids)
