"""What was sent under a nonce, what a username looks like, and where a departure stands in the log.

All of it may be absent for a row: programs of the step before go on writing rows without it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("messages", "fingerprint", sa.BINARY(16)),
    ("users", "username_skeleton", sa.String(100)),
    ("departures", "seq", sa.BigInteger),
)


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    for table, column, kind in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, kind))


def downgrade() -> None:
    for table, column, _ in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
