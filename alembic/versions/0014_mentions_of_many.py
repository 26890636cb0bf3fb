"""User groups, notification settings, and mentions of a room, of who is online and of groups.

New tables, and two columns that a program of the step before does not write: it sends no mentions
of a room, and its mentions have no time, so that they are listed last.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0014"
down_revision: str | Sequence[str] | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LONG_AGO = "1970-01-01 00:00:00"
COLUMNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rooms", "room_mention_seq", {"type_": sa.BigInteger()}),
    ("mentions", "at", {"type_": TIME, "nullable": False, "server_default": LONG_AGO}),
)


def ascii_key(length: int) -> sa.types.TypeEngine[str]:
    variant = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def foreign_key(
    table: str, column: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete=ondelete)


def create_table(name: str, *contents: sa.schema.SchemaItem, clustered: bool = True) -> None:
    options = {"sqlite_with_rowid": False} if clustered else {}
    op.create_table(
        name,
        *contents,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        **options,
    )


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    create_table(
        "user_groups",
        sa.Column("id", ID, nullable=False),
        sa.Column("handle", sa.String(64), nullable=False),
        sa.Column("handle_key", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_groups")),
        sa.UniqueConstraint("handle_key", name=op.f("uq_user_groups_handle_key")),
        clustered=False,
    )
    create_table(
        "user_group_members",
        sa.Column("group_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        foreign_key("user_group_members", "group_id", "user_groups.id", ondelete="CASCADE"),
        foreign_key("user_group_members", "user_id", "users.id"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_user_group_members")),
    )
    op.create_index(
        op.f("ix_user_group_members_user_id_group_id"),
        "user_group_members",
        ["user_id", "group_id"],
        if_not_exists=True,
    )
    _create_notification_settings()
    create_table(
        "room_mentions",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sender_id", ID, nullable=False),
        sa.Column("kind", ascii_key(8), nullable=False),
        sa.Column("group_id", ID),
        sa.Column("users", sa.Text),
        foreign_key("room_mentions", "room_id", "rooms.id"),
        sa.PrimaryKeyConstraint("room_id", "seq", "number", name=op.f("pk_room_mentions")),
    )
    for table, column, options in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, **options))


def _create_notification_settings() -> None:
    create_table(
        "notification_settings",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("level", ascii_key(16)),
        sa.Column("keywords", sa.Text, nullable=False),
        sa.Column("quiet_until", TIME),
        sa.Column("schedule", sa.Text),
        foreign_key("notification_settings", "user_id", "users.id"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notification_settings")),
    )
    create_table(
        "room_notification_settings",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("level", ascii_key(16)),
        sa.Column("muted", sa.Boolean, nullable=False),
        sa.Column("muted_until", TIME),
        foreign_key("room_notification_settings", "user_id", "users.id"),
        foreign_key("room_notification_settings", "room_id", "rooms.id"),
        sa.PrimaryKeyConstraint("user_id", "room_id", name=op.f("pk_room_notification_settings")),
    )


def downgrade() -> None:
    for name, column, _ in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(name, column):
            op.drop_column(name, column)
    for table in (
        "room_mentions",
        "room_notification_settings",
        "notification_settings",
        "user_group_members",
        "user_groups",
    ):
        op.drop_table(table, if_exists=True)
