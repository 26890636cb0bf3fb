"""An index for the open reports about a user in a room, which filters count.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0035"
down_revision: str | Sequence[str] | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NAME = "ix_reports_room_id_user_id_status"


def upgrade() -> None:
    op.create_index(op.f(_NAME), "reports", ["room_id", "user_id", "status"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index(op.f(_NAME), "reports", if_exists=True)
