"""Consumers of the logs: their leases and positions, and what the first one counts.

Only new tables: a program of the step before does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
NAME = sa.String(64).with_variant(
    mysql.VARCHAR(64, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
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


def upgrade() -> None:
    create_table(
        "consumer_leases",
        sa.Column("consumer", NAME, nullable=False),
        sa.Column("holder", ID, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_consumer_leases")),
    )
    create_table(
        "consumer_positions",
        sa.Column("consumer", NAME, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "room_id", name=op.f("pk_consumer_positions")),
    )
    create_table(
        "message_counts",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "room_id", name=op.f("pk_message_counts")),
    )


def downgrade() -> None:
    for table in ("message_counts", "consumer_positions", "consumer_leases"):
        op.drop_table(table, if_exists=True)
