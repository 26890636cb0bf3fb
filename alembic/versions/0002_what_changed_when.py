"""When rooms and memberships last changed, who has departed, and who is banned.

All of it may be absent for a row: programs of the step before go on writing rows without it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
COLUMNS = (("rooms", "changed_at"), ("members", "changed_at"), ("users", "banned_at"))


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    for table, column in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, TIME))
    op.create_table(
        "departures",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "room_id", name=op.f("pk_departures")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_departures_user_id")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_departures_room_id")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("departures", if_exists=True)
    for table, column in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
