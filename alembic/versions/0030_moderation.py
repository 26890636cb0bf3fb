"""The audit log, reports, and filters of messages.

New columns are null for what a program of the step before writes; it does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0030"
down_revision: str | Sequence[str] | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
TABLES = ("audit_log", "reports")
FILTERED = ("rooms", "server_settings")


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def ascii_key(length: int) -> sa.String:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


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


def create_index(table: str, *columns: str) -> None:
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, list(columns), if_not_exists=True)


def upgrade() -> None:
    for table in FILTERED:
        if not is_there(table, "filters"):
            op.add_column(table, sa.Column("filters", LONG))
    create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID),
        sa.Column("actor_id", ID),
        sa.Column("action", ascii_key(32), nullable=False),
        sa.Column("user_id", ID),
        sa.Column("message_seq", sa.BigInteger),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("details", LONG),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    for column in ("room_id", "actor_id", "user_id"):
        create_index("audit_log", column, "id")
    create_table(
        "reports",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("reporter_id", ID),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("message_seq", sa.BigInteger),
        sa.Column("reason", ascii_key(32), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("snapshot", LONG),
        sa.Column("at", TIME, nullable=False),
        sa.Column("status", ascii_key(32), nullable=False),
        sa.Column("resolved_by", ID),
        sa.Column("resolved_at", TIME),
        sa.Column("outcome", ascii_key(32)),
        sa.Column("resolution_note", sa.String(500)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    create_index("reports", "room_id", "status", "id")
    create_index("reports", "status", "id")
    create_index("reports", "reporter_id", "id")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    for table in reversed(FILTERED):
        if context.is_offline_mode() or is_there(table, "filters"):
            op.drop_column(table, "filters")
