"""The row of the server's state, with an epoch of this database's own.

A step of its own: the program works without it, and makes the row when it starts. So it does after
a script for another program (`--sql`), which would give every database the same epoch.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # the first process that runs sets the clock
STATE = sa.table(
    "server_state",
    sa.column("id", sa.Integer),
    sa.column("epoch", sa.String),
    sa.column("restores", sa.Integer),
    sa.column("clock_at", sa.DateTime),
    sa.column("clock_steps", sa.Integer),
)


def upgrade() -> None:
    if context.is_offline_mode():
        return
    connection = op.get_bind()
    if connection.scalar(sa.select(STATE.c.id)) is None:
        row = {"id": 1, "epoch": secrets.token_urlsafe(8), "restores": 0, "clock_steps": 0}
        connection.execute(sa.insert(STATE).values(**row, clock_at=LONG_AGO))


def downgrade() -> None:
    """The row goes with its table: a later upgrade has to find the same epoch."""
