"""First tables: accounts and logins, rooms and members, messages and the log of each room.

MySQL and MariaDB commit every DDL statement at once: a migration that is interrupted there stays
half done. So every step here bears being run again. The types are written down as they were, with
those of SQLAlchemy alone: the code of the application changes, this file does not.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
DIGEST = sa.BINARY(32)
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def ascii_key(length: int) -> sa.String:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def create_table(name: str, *contents: sa.schema.SchemaItem, clustered: bool = False) -> None:
    op.create_table(
        name,
        *contents,
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_row_format="DYNAMIC",
        **({"sqlite_with_rowid": False} if clustered else {}),
    )


def create_index(table: str, *columns: str) -> None:
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, list(columns), if_not_exists=True)


def upgrade() -> None:
    create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("username_key", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(100), nullable=False),
        sa.Column("display_key", sa.String(100), nullable=False),
        sa.Column("password_hash", ascii_key(255)),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("origin", ascii_key(100)),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username_key", name=op.f("uq_users_username_key")),
        sa.UniqueConstraint("origin", name=op.f("uq_users_origin")),
    )
    create_index("users", "display_key")

    create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("address", ascii_key(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
    )
    create_index("sessions", "user_id", "expires_at")

    create_table(
        "refresh_tokens",
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name=op.f("fk_refresh_tokens_session_id"),
            ondelete="CASCADE",
        ),
        clustered=True,
    )
    create_index("refresh_tokens", "session_id")

    create_table(
        "ws_tickets",
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ws_tickets")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name=op.f("fk_ws_tickets_session_id"),
            ondelete="CASCADE",
        ),
        clustered=True,
    )
    create_index("ws_tickets", "session_id")

    create_table(
        "rooms",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", ascii_key(16), nullable=False),
        sa.Column("name", sa.String(100)),
        sa.Column("name_key", sa.String(100)),
        sa.Column("topic", sa.String(500), nullable=False),
        sa.Column("direct_key", sa.BINARY(32)),
        sa.Column("origin", ascii_key(100)),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("archived_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rooms")),
        sa.UniqueConstraint("direct_key", name=op.f("uq_rooms_direct_key")),
        sa.UniqueConstraint("origin", name=op.f("uq_rooms_origin")),
    )
    create_index("rooms", "kind", "name_key", "id")

    create_table(
        "members",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", ascii_key(16), nullable=False),
        sa.Column("joined_at", TIME, nullable=False),
        sa.Column("read_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "user_id", name=op.f("pk_members")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_members_room_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id")),
        clustered=True,
    )
    create_index("members", "user_id", "room_id")

    create_table(
        "messages",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("sender_id", ID, nullable=False),
        sa.Column("nonce", ascii_key(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reply_to", sa.BigInteger),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "seq", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "room_id", "sender_id", "nonce", name=op.f("uq_messages_room_id_sender_id_nonce")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_messages_room_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_messages_sender_id")),
        clustered=True,
    )

    create_table(
        "mentions",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("user_id", "room_id", "seq", name=op.f("pk_mentions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mentions_user_id")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_mentions_room_id")),
        clustered=True,
    )

    create_table(
        "room_events",
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("type", ascii_key(32), nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("message_seq", sa.BigInteger),
        sa.Column("body", sa.Text),
        sa.PrimaryKeyConstraint("room_id", "seq", name=op.f("pk_room_events")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_events_room_id")),
        clustered=True,
    )


def downgrade() -> None:
    for table in (
        "room_events",
        "mentions",
        "messages",
        "members",
        "rooms",
        "ws_tickets",
        "refresh_tokens",
        "sessions",
        "users",
    ):
        op.drop_table(table, if_exists=True)  # its indexes go with it
