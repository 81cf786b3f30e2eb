"""The tables as they were when migrations began: a database without a version is one of these, or a part of one."""

from db import schema
from db.migrations.steps import first_value, make

revision, down_revision = "0001", None


def upgrade() -> None:
    """Create what is missing."""
    make(
        schema.locks,
        schema.state,
        schema.enrolments,
        schema.given_names,
        schema.same_people,
        schema.forgetting,
        schema.own_keys,
        schema.outcomes,
        schema.acceptances,
        schema.replays,
        schema.replay_bands,
        schema.replay_faces,
        schema.challenges,
        schema.keys,
    )
    first_value(schema.VERSION)
    first_value(schema.REPLAY_TURN)
