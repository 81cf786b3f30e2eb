"""Up to when a Milvus has to be read so that every committed enrolment is seen."""

from db import schema
from db.migrations.steps import first_value

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Insert what is missing."""
    first_value(schema.VECTORS)
