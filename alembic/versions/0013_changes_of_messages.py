"""Edits, deletions, reactions and pins of messages, and settings of rooms.

New columns are null for what a program of the step before writes, and new tables are not looked at
by it.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
EMOJI = sa.String(32).with_variant(
    mysql.VARCHAR(32, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine[Any]], ...] = (
    ("messages", "details", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")),
    ("rooms", "deleted_seq", sa.BigInteger()),
    ("rooms", "settings", sa.Text()),
)
TABLES = ("message_versions", "deleted_messages", "reactions", "pins")


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
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
    for table, column, type_ in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, type_))
    create_table(
        "message_versions",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "seq", "version", name=op.f("pk_message_versions")),
    )
    create_table(
        "deleted_messages",
        sa.PrimaryKeyConstraint("room_id", "seq", name=op.f("pk_deleted_messages")),
    )
    create_table(
        "reactions",
        sa.Column("emoji", EMOJI, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reactions_user_id")),
        sa.PrimaryKeyConstraint("room_id", "seq", "emoji", "user_id", name=op.f("pk_reactions")),
    )
    op.create_index(  # for the foreign key, too
        op.f("ix_reactions_user_id_room_id_seq"),
        "reactions",
        ["user_id", "room_id", "seq"],
        if_not_exists=True,
    )
    create_table("pins", sa.PrimaryKeyConstraint("room_id", "seq", name=op.f("pk_pins")))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    for table, column, _ in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
