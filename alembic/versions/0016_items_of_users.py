"""Items of users, and the columns with which a user's log names them.

A program of the step before ignores both.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0016"
down_revision: str | Sequence[str] | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def ascii_key(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


COLUMNS = (("item", ascii_key(16)), ("item_seq", sa.BigInteger()), ("item_id", ID))


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("user_id", ID, nullable=False),
        *contents,
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{name}_user_id")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    for column, type_ in COLUMNS:
        if not is_there("user_events", column):
            op.add_column("user_events", sa.Column(column, type_))
    create_table(
        "drafts",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("thread", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reply_to", sa.BigInteger),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "room_id", "thread", name=op.f("pk_drafts")),
    )
    create_table(
        "saved_messages",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "room_id", "seq", name=op.f("pk_saved_messages")),
    )
    op.create_index(
        op.f("ix_saved_messages_user_id_saved_at"),
        "saved_messages",
        ["user_id", "saved_at"],
        if_not_exists=True,
    )
    create_table(
        "scheduled_messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("nonce", ascii_key(64), nullable=False),
        sa.Column("fingerprint", sa.BINARY(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("state", ascii_key(16), nullable=False),
        sa.Column("error", ascii_key(32)),
        sa.Column("message_seq", sa.BigInteger),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_scheduled_messages")),
        sa.UniqueConstraint(
            "user_id", "room_id", "nonce", name=op.f("uq_scheduled_messages_user_id_room_id_nonce")
        ),
    )
    create_table(
        "reminders",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("fired_at", TIME),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_reminders")),
    )


def downgrade() -> None:
    for table in ("reminders", "scheduled_messages", "saved_messages", "drafts"):
        op.drop_table(table, if_exists=True)
    for column, _ in reversed(COLUMNS):
        if context.is_offline_mode() or is_there("user_events", column):
            op.drop_column("user_events", column)
