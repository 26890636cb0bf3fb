"""Threads: which messages are replies in one, who follows it, and what is in a room's timeline.

What a program of the step before writes is in the timeline, by the defaults of the new columns. It
does not look at the new tables.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0019"
down_revision: str | Sequence[str] | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
IN_TIMELINE = ("messages", "deleted_messages", "mentions")
TABLES = ("threads", "thread_messages", "thread_followers")


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def add_column(table: str, column: sa.Column[object]) -> None:
    if not is_there(table, column.name):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    if context.is_offline_mode() or is_there(table, column):
        op.drop_column(table, column)


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("room_id", ID, nullable=False),
        sa.Column("root_seq", sa.BigInteger, nullable=False),
        *contents,
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f(f"fk_{name}_room_id")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    for table in IN_TIMELINE:
        add_column(
            table,
            sa.Column("in_timeline", sa.Boolean, server_default=sa.text("1"), nullable=False),
        )
    add_column("members", sa.Column("follows_threads", sa.Boolean))
    create_table(
        "threads",
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "root_seq", name=op.f("pk_threads")),
    )
    op.create_index(
        op.f("ix_threads_room_id_last_seq"),
        "threads",
        ["room_id", "last_seq"],
        if_not_exists=True,
    )
    create_table(
        "thread_messages",
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("is_deleted", sa.Boolean, server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "root_seq", "seq", name=op.f("pk_thread_messages")),
    )
    create_table(
        "thread_followers",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("read_seq", sa.BigInteger, nullable=False),
        sa.Column("is_following", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_thread_followers_user_id")
        ),
        sa.PrimaryKeyConstraint("room_id", "root_seq", "user_id", name=op.f("pk_thread_followers")),
    )
    op.create_index(
        op.f("ix_thread_followers_user_id_room_id_root_seq"),
        "thread_followers",
        ["user_id", "room_id", "root_seq"],
        if_not_exists=True,
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    drop_column("members", "follows_threads")
    for table in reversed(IN_TIMELINE):
        drop_column(table, "in_timeline")
