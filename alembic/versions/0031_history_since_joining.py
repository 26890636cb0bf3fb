"""What members see of a room begins at their joining, if the room says so.

New columns are null for what a program of the step before writes; it does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op

revision: str = "0031"
down_revision: str | Sequence[str] | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("members", "visible_after_seq"),
    ("departures", "visible_after_seq"),
    ("rooms", "opened_seq"),
)


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def upgrade() -> None:
    for table, column in COLUMNS:
        if not is_there(table, column):
            op.add_column(table, sa.Column(column, sa.BigInteger))


def downgrade() -> None:
    for table, column in reversed(COLUMNS):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
