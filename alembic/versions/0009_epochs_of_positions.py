"""The state of the server: the epoch of its positions, and what is known of the database's clock.

Only a new table: a program of the step before does not look at it. A script for another program
(`--sql`) makes no row, which would give every database the same epoch: the program makes it then.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EPOCH = sa.String(32).with_variant(
    mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # the first process that runs sets the clock
STATE = sa.table(
    "server_state",
    sa.column("id", sa.Integer),
    sa.column("epoch", sa.String),
    sa.column("restores", sa.Integer),
    sa.column("clock_at", sa.DateTime),
    sa.column("clock_steps", sa.Integer),
)


def upgrade() -> None:
    op.create_table(
        "server_state",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("epoch", EPOCH, nullable=False),
        sa.Column("restores", sa.Integer, nullable=False),
        sa.Column("clock_at", TIME, nullable=False),
        sa.Column("clock_steps", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_state")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )
    if not context.is_offline_mode():
        insert_row()


def insert_row() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.select(STATE.c.id)) is None:
        row = {"id": 1, "epoch": secrets.token_urlsafe(8), "restores": 0, "clock_steps": 0}
        connection.execute(sa.insert(STATE).values(**row, clock_at=LONG_AGO))


def downgrade() -> None:
    op.drop_table("server_state", if_exists=True)
