"""An index for the sweep of users' logs that changed lately.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | Sequence[str] | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_user_logs_changed_at"), "user_logs", ["changed_at"], if_not_exists=True
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_user_logs_changed_at"), "user_logs", if_exists=True)
