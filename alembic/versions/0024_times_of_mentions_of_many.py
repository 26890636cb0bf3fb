"""The times of mentions of a room, of who is online and of groups, for the list of mentions.

A program of the step before does not write them: its mentions of many are listed last.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0024"
down_revision: str | Sequence[str] | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE, COLUMN = "room_mentions", "at"
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LONG_AGO = "1970-01-01 00:00:00"


def is_there() -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return COLUMN in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(TABLE)}


def upgrade() -> None:
    if not is_there():
        op.add_column(TABLE, sa.Column(COLUMN, TIME, nullable=False, server_default=LONG_AGO))
    op.execute(
        "UPDATE room_mentions SET at = (SELECT messages.at FROM messages"
        " WHERE messages.room_id = room_mentions.room_id AND messages.seq = room_mentions.seq)"
        " WHERE EXISTS (SELECT 1 FROM messages"
        " WHERE messages.room_id = room_mentions.room_id AND messages.seq = room_mentions.seq)"
    )


def downgrade() -> None:
    if context.is_offline_mode() or is_there():
        op.drop_column(TABLE, COLUMN)
