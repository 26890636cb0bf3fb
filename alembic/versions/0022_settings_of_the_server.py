"""The name of the server, and whether its first administrator was made.

Only a new table: a program of the step before does not look at it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0022"
down_revision: str | Sequence[str] | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "server_settings",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(100)),
        sa.Column("set_up_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_settings")),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("server_settings", if_exists=True)
