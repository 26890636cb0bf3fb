"""An index for the rooms of which something is to be deleted next.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0037"
down_revision: str | Sequence[str] | None = "0036"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(op.f("ix_room_purges_due_at"), "room_purges", ["due_at"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_room_purges_due_at"), "room_purges", if_exists=True)
