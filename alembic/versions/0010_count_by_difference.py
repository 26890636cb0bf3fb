"""How many messages a log has up to each event, so that what is unread is a difference.

Rows of a program of the step before lack it: what is unread is counted then. From the next message
of a room on, its events have it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("members", "sent_seq"),
    ("members", "mentioned_seq"),
    ("room_events", "message_count"),
    ("room_events", "last_message_seq"),
)


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    for table, column in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, sa.BigInteger))


def downgrade() -> None:
    for table, column in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
