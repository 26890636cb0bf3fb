"""Fill in what usernames look like, and an index that lets only one account look like that.

A step of its own: the program works without it, more slowly and for new accounts only. Of accounts
that look alike already, the oldest has the skeleton, and the others have none. A script for another
program (`--sql`) makes the index and fills in nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from app.core.lookalikes import skeleton

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEX = "ix_users_username_skeleton"
BATCH = 1000
USERS = sa.table(
    "users",
    sa.column("id", sa.BINARY(16)),
    sa.column("username_key", sa.String),
    sa.column("username_skeleton", sa.String),
    sa.column("created_at", sa.DateTime),
)


def upgrade() -> None:
    if not context.is_offline_mode():
        fill_in()
    op.create_index(INDEX, "users", ["username_skeleton"], unique=True, if_not_exists=True)


def fill_in() -> None:
    connection = op.get_bind()
    taken: set[str] = set()
    update = (
        sa.update(USERS)
        .where(USERS.c.id == sa.bindparam("of"))
        .values(username_skeleton=sa.bindparam("look"))
    )
    oldest_first = sa.select(USERS).order_by(USERS.c.created_at, USERS.c.id)
    rows = connection.execute(oldest_first).all()
    for some in batches(rows):
        changes = []
        for user, key, stored, _ in some:
            look = skeleton(key)
            wanted = None if look in taken else look
            taken.add(look)
            if stored != wanted:
                changes.append({"of": user, "look": wanted})
        if changes:
            connection.execute(update, changes)


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def downgrade() -> None:
    op.drop_index(INDEX, "users", if_exists=True)
