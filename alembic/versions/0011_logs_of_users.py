"""The log of each user: rooms that come and go, and read markers.

Only new tables: a program of the step before does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
NAME = sa.String(32).with_variant(
    mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)


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
    create_table(
        "user_logs",
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("trimmed_seq", sa.BigInteger, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_logs")),
    )
    create_table(
        "user_events",
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "seq", name=op.f("pk_user_events")),
    )


def downgrade() -> None:
    for table in ("user_events", "user_logs"):
        op.drop_table(table, if_exists=True)
