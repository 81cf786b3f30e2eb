"""The audit's head, its key, and the keys of its pseudonyms."""

import sqlalchemy as sa
from alembic import op

from db import schema
from db.installation import AUDIT, own_key_in
from db.migrations.steps import make
from security.audit import START

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Create the tables, the head of an audit without entries, and the key."""
    make(schema.audit_head, schema.audit_subjects)
    head = schema.audit_head
    if op.get_bind().execute(sa.select(head.c.count)).first() is None:
        op.get_bind().execute(sa.insert(head).values(name="head", count=0, mac=START))
    own_key_in(op.get_bind(), AUDIT)
