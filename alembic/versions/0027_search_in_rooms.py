"""An index for searches in one room, in the order of time.

A step of its own: the program works without it, more slowly, so that it runs on a schema that is
one step behind while a rolling update is under way.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0027"
down_revision: str | Sequence[str] | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_search_documents_room_id_doc"),
        "search_documents",
        ["room_id", "doc"],
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_search_documents_room_id_doc"), "search_documents", if_exists=True)
