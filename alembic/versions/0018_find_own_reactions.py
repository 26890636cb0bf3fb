"""An index for one's own reactions on a page of messages.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0018"
down_revision: str | Sequence[str] | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_reactions_user_id_room_id_seq"),
        "reactions",
        ["user_id", "room_id", "seq"],
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_reactions_user_id_room_id_seq"), "reactions", if_exists=True)
