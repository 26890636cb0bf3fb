"""Which renewal of a session is known to have reached its client.

It may be absent: programs of the step before go on renewing without it, and a session of theirs is
one whose answer may have been lost.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def is_there() -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit the change at once."""
    if context.is_offline_mode():
        return False
    columns = sa.inspect(op.get_bind()).get_columns("sessions")
    return "confirmed_at" in {column["name"] for column in columns}


def upgrade() -> None:
    if not is_there():
        op.add_column("sessions", sa.Column("confirmed_at", TIME))


def downgrade() -> None:
    if context.is_offline_mode() or is_there():
        op.drop_column("sessions", "confirmed_at")
