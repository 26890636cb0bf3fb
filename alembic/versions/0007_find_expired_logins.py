"""Indexes for the deletion of expired logins.

A step of its own: the program works without them, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("sessions", "refresh_tokens", "ws_tickets")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"], if_not_exists=True)


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(op.f(f"ix_{table}_expires_at"), table, if_exists=True)
