"""Permissions of roles and persons in a room, bans, time-outs, slow mode, requests
to join and invite links.

New columns are null for what a program of the step before writes; it does not look at them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0028"
down_revision: str | Sequence[str] | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
KIND = sa.String(16).with_variant(
    mysql.VARCHAR(16, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
CODE = sa.String(22).with_variant(
    mysql.VARCHAR(22, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLES = ("room_sanctions", "slow_mode_sends", "join_requests", "room_invites", "room_invite_uses")


def is_there(table: str, column: str) -> bool:
    """After an interrupted run on MySQL and MariaDB, which commit each of these at once."""
    if context.is_offline_mode():
        return False
    return column in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}


def create_table(name: str, *contents: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *contents,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        sqlite_with_rowid=False,
    )


def foreign_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    target = "rooms.id" if column == "room_id" else "users.id"
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    if not is_there("rooms", "overrides"):
        op.add_column("rooms", sa.Column("overrides", sa.Text))
    if not is_there("members", "timed_out_until"):
        op.add_column("members", sa.Column("timed_out_until", TIME))
    create_table(
        "room_sanctions",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("until", TIME),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("set_by", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(foreign_key("room_sanctions", name) for name in ("room_id", "user_id", "set_by")),
        sa.PrimaryKeyConstraint("room_id", "kind", "user_id", name=op.f("pk_room_sanctions")),
    )
    create_table(
        "slow_mode_sends",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(foreign_key("slow_mode_sends", name) for name in ("room_id", "user_id")),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_slow_mode_sends")),
    )
    create_table(
        "join_requests",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(foreign_key("join_requests", name) for name in ("room_id", "user_id")),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_join_requests")),
    )
    create_table(
        "room_invites",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("code", CODE, nullable=False),
        sa.Column("role", KIND, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("max_uses", sa.Integer),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("revoked_at", TIME),
        *(foreign_key("room_invites", name) for name in ("room_id", "created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_invites")),
        sa.UniqueConstraint("code", name=op.f("uq_room_invites_code")),
    )
    # Not in a later step: the foreign key of `room_id` needs it, so that it could not be dropped.
    op.create_index(
        op.f("ix_room_invites_room_id_id"), "room_invites", ["room_id", "id"], if_not_exists=True
    )
    create_table(
        "room_invite_uses",
        sa.Column("invite_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["room_invites.id"], name=op.f("fk_room_invite_uses_invite_id")
        ),
        foreign_key("room_invite_uses", "user_id"),
        sa.PrimaryKeyConstraint("invite_id", "user_id", name=op.f("pk_room_invite_uses")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, if_exists=True)
    for table, column in (("members", "timed_out_until"), ("rooms", "overrides")):
        if context.is_offline_mode() or is_there(table, column):
            op.drop_column(table, column)
