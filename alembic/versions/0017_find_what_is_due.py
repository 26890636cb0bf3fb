"""Indexes for what is due: scheduled messages and reminders.

A step of its own: the program works without them, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0017"
down_revision: str | Sequence[str] | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = (("scheduled_messages", "state"), ("reminders", "fired_at"))


def upgrade() -> None:
    for table, column in INDEXES:
        name = op.f(f"ix_{table}_{column}_due_at")
        op.create_index(name, table, [column, "due_at"], if_not_exists=True)


def downgrade() -> None:
    for table, column in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}_due_at"), table, if_exists=True)
