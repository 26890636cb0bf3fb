"""An installation that has accounts was set up before there was a page for that.

A step of its own: without the row the program offers to set the server up, which needs a code that
only its operator sees, so that it runs on a schema that is one step behind.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0023"
down_revision: str | Sequence[str] | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
USERS = sa.table("users", sa.column("id"))
SETTINGS = sa.table("server_settings", sa.column("id", sa.Integer), sa.column("set_up_at", TIME))


def upgrade() -> None:
    if context.is_offline_mode():
        return
    connection = op.get_bind()
    has_accounts = connection.execute(sa.select(USERS.c.id).limit(1)).first() is not None
    if has_accounts and connection.scalar(sa.select(SETTINGS.c.id)) is None:
        row = {"id": 1, "set_up_at": datetime.now(UTC).replace(tzinfo=None)}
        connection.execute(sa.insert(SETTINGS).values(row))


def downgrade() -> None:
    """The row stays: what the operator has named the server is in it."""
