"""The state of the server: the epoch of its positions, and what is known of the database's clock.

Only a new table: a program of the step before does not look at it. Its row comes with the next
step; until then the program makes it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EPOCH = sa.String(32).with_variant(
    mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


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


def downgrade() -> None:
    op.drop_table("server_state", if_exists=True)
