"""An index for the list of a user's mentions, newest first.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0015"
down_revision: str | Sequence[str] | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = "ix_mentions_user_id_at_room_id_seq"


def upgrade() -> None:
    op.create_index(op.f(NAME), "mentions", ["user_id", "at", "room_id", "seq"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index(op.f(NAME), "mentions", if_exists=True)
