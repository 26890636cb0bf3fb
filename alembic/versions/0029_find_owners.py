"""An index for the owners of a large room.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0029"
down_revision: str | Sequence[str] | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_members_room_id_role"), "members", ["room_id", "role"], if_not_exists=True
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_members_room_id_role"), "members", if_exists=True)
