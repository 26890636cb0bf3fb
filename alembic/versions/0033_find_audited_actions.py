"""An index for what the audit log has of one kind of act.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0033"
down_revision: str | Sequence[str] | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_audit_log_action_id"), "audit_log", ["action", "id"], if_not_exists=True
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_log_action_id"), "audit_log", if_exists=True)
