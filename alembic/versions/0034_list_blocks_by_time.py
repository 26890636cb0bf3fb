"""An index for lists of blocks, the newest first.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0034"
down_revision: str | Sequence[str] | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_user_blocks_user_id_at"), "user_blocks", ["user_id", "at"], if_not_exists=True
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_user_blocks_user_id_at"), "user_blocks", if_exists=True)
