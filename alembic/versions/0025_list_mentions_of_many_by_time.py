"""An index for mentions of many in the list of a user's mentions, newest first.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0025"
down_revision: str | Sequence[str] | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = "ix_room_mentions_room_id_at_seq"


def upgrade() -> None:
    op.create_index(op.f(NAME), "room_mentions", ["room_id", "at", "seq"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index(op.f(NAME), "room_mentions", if_exists=True)
