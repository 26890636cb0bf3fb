"""Blocks, the rest of profiles, presence that is chosen, managers of user groups.

New columns are null for what a program of the step before writes; it does not look at them.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0032"
down_revision: str | Sequence[str] | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)


def ascii_key(length: int) -> sa.types.TypeEngine[Any]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLES = ("user_blocks", "presence_settings")
COLUMNS: dict[tuple[str, str], Any] = {
    ("rooms", "blocked_by"): ascii_key(64),
    ("users", "profile"): sa.Text(),
    ("user_group_members", "is_manager"): sa.Boolean(),
}


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *contents,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def user_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["users.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    for (table, column), type_ in COLUMNS.items():
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, type_))
    create_table(
        "user_blocks",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("blocked_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(user_key("user_blocks", name) for name in ("user_id", "blocked_id")),
        sa.PrimaryKeyConstraint("user_id", "blocked_id", name=op.f("pk_user_blocks")),
    )
    create_table(
        "presence_settings",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("choice", ascii_key(16), nullable=False),
        sa.Column("visible_to", ascii_key(16), nullable=False),
        user_key("presence_settings", "user_id"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_presence_settings")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    for table, column in COLUMNS:
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
