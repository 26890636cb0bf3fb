"""Rooms that were deleted.

New columns are null for what a program of the step before writes; it does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0036"
down_revision: str | Sequence[str] | None = "0035"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def is_there() -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    columns = sa.inspect(op.get_bind()).get_columns("rooms")
    return "deleted_at" in {present["name"] for present in columns}


def upgrade() -> None:
    if not is_there():
        op.add_column("rooms", sa.Column("deleted_at", TIME))
    op.create_table(
        "room_purges",
        sa.Column("room_id", sa.BINARY(16), nullable=False),
        sa.Column("memberships_ended", sa.Boolean, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_purges_room_id")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_room_purges")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("room_purges", if_exists=True)
    if context.is_offline_mode() or is_there():
        op.drop_column("rooms", "deleted_at")
