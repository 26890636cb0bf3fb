"""Votes in polls, messages that disappear, rooms that keep messages for a time, and users who do
not share what they have read.

The new column is null for what a program of the step before writes, and new tables are not looked
at by it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0020"
down_revision: str | Sequence[str] | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLES = ("poll_votes", "expiring_messages", "room_retentions")


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *contents,
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f(f"fk_{name}_room_id")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    if not is_there("users", "share_read_markers"):
        op.add_column("users", sa.Column("share_read_markers", sa.Boolean()))
    create_table(
        "poll_votes",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("option", sa.Integer, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_poll_votes_user_id")),
        sa.PrimaryKeyConstraint("room_id", "seq", "option", "user_id", name=op.f("pk_poll_votes")),
    )
    # Not in a later step: the foreign key of `user_id` needs it, so that it could not be dropped.
    op.create_index(
        op.f("ix_poll_votes_user_id_room_id_seq"),
        "poll_votes",
        ["user_id", "room_id", "seq"],
        if_not_exists=True,
    )
    create_table(
        "expiring_messages",
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("expires_at", "room_id", "seq", name=op.f("pk_expiring_messages")),
    )
    create_table(
        "room_retentions",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("set_by", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["set_by"], ["users.id"], name=op.f("fk_room_retentions_set_by")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_room_retentions")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    if context.is_offline_mode() or is_there("users", "share_read_markers"):
        op.drop_column("users", "share_read_markers")
