"""Everything that is remembered.

One log per room is the truth: `rooms.seq` is its counter and `room_events` its rows, numbered
1, 2, 3, … without a hole. `messages` and `members` are what the log has led to. What concerns one
person only is in the log of a user, `user_logs` and `user_events`. Text is utf8mb4
with a binary collation: the application (`wire/user_and_room_names.py`) decides which names are
equal, not the database.
"""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    BINARY,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import MetaData
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.core.lookalikes import SKELETON_CHARS
from app.persistence.known import KnownKind, KnownRole
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.types import (
    CLUSTERED,
    TABLE,
    Id,
    LongJson,
    LongText,
    UtcDateTime,
    ascii_key,
)
from app.wire.domain import Role, RoomKind
from app.wire.seq import EPOCH_CHARS

NAME_CHARS = 64
TITLE_CHARS = 100
TOPIC_CHARS = 500
NONCE_CHARS = 64
ITEM_KIND_CHARS = 16
ORIGIN_CHARS = 100
FINGERPRINT_BYTES = 16


class Base(DeclarativeBase):
    # What the database computes (`DatabaseNow`) is not read back: RETURNING is not everywhere.
    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012 - SQLAlchemy's declaration

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("username_key"),
        UniqueConstraint("origin"),
        Index(None, "display_key"),
        Index(None, "username_skeleton", unique=True),
        TABLE,
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(NAME_CHARS))
    # NFKC can make a name up to 18 times longer (U+FDFA); the schema bounds the key, too.
    username_key: Mapped[str] = mapped_column(String(NAME_CHARS))
    # `core/lookalikes.py`. None: an older account looks like this one, or a program of the step
    # before has made it.
    username_skeleton: Mapped[str | None] = mapped_column(String(SKELETON_CHARS))
    display_name: Mapped[str] = mapped_column(String(TITLE_CHARS))
    display_key: Mapped[str] = mapped_column(String(TITLE_CHARS))
    password_hash: Mapped[str | None] = mapped_column(ascii_key(255))  # None: cannot log in
    is_admin: Mapped[bool] = mapped_column(default=False)
    # Where an imported account comes from, such as "gitter:5484c6f7…".
    origin: Mapped[str | None] = mapped_column(ascii_key(ORIGIN_CHARS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Whether others see how far the user has read; None: they do.
    share_read_markers: Mapped[bool | None]
    # JSON of the `Profile` that the user has filled in; None: nothing of it.
    profile: Mapped[str | None] = mapped_column(LongText)
    banned_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime
    )  # cannot log in, until it is None again


class Session(Base):
    """One login of one user: a family of refresh tokens (RFC 9700, 4.14.2)."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id", "expires_at"), Index(None, "expires_at"), TABLE)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    client: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(ascii_key(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the last login or renewal
    # The `used_at` whose access token was used: its answer has arrived.
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshToken(Base):
    """Kept after its use until it expires, so that a second use is noticed."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "session_id"), Index(None, "expires_at"), CLUSTERED)

    digest: Mapped[bytes] = mapped_column(BINARY(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey(Session.id, ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Ticket(Base):
    """Opens one WebSocket, once, soon."""

    __tablename__ = "ws_tickets"
    __table_args__ = (Index(None, "session_id"), Index(None, "expires_at"), CLUSTERED)

    digest: Mapped[bytes] = mapped_column(BINARY(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey(Session.id, ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Room(Base):
    __tablename__ = "rooms"
    __table_args__ = (
        UniqueConstraint("direct_key"),
        UniqueConstraint("origin"),
        Index(None, "kind", "name_key", "id"),
        TABLE,
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    kind: Mapped[RoomKind] = mapped_column(KnownKind)
    name: Mapped[str | None] = mapped_column(String(TITLE_CHARS))
    name_key: Mapped[str | None] = mapped_column(String(TITLE_CHARS))
    topic: Mapped[str] = mapped_column(String(TOPIC_CHARS), default="")
    # The two user ids of a direct room, the smaller first: a pair has one room.
    direct_key: Mapped[bytes | None] = mapped_column(BINARY(32))
    origin: Mapped[str | None] = mapped_column(ascii_key(ORIGIN_CHARS))
    seq: Mapped[int] = mapped_column(BigInteger, default=0)  # of the newest event
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Of the newest row in `room_mentions`; None: there is none.
    room_mention_seq: Mapped[int | None] = mapped_column(BigInteger)
    # When `seq` last moved, by the database's clock: for readers that missed a publication.
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    # No message with a higher seq was deleted; None: none was.
    deleted_seq: Mapped[int | None] = mapped_column(BigInteger)
    # JSON of the `RoomSettings` that are not the defaults; None: all are.
    settings: Mapped[str | None] = mapped_column(LongText)
    # JSON of what `rooms/overrides.py` says; None: the defaults of all roles.
    overrides: Mapped[str | None] = mapped_column(LongText)
    # JSON of a `TextFilter`; None: no rules. So long that it is only read where it is needed.
    filters: Mapped[str | None] = mapped_column(LongJson, deferred=True, deferred_raiseload=True)
    # Members who joined up to this seq see everything (`repositories/member_filter.py`); None: 0.
    opened_seq: Mapped[int | None] = mapped_column(BigInteger)
    # The ids, in hexadecimal digits, of those members of a direct room who have blocked the other
    # one: what `user_blocks` says, for those who have locked the room. None: nobody has.
    blocked_by: Mapped[str | None] = mapped_column(ascii_key(64))
    # Only the row is left, for what still refers to it: nothing reads the room (`room_purges.py`).
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Member(Base):
    __tablename__ = "members"
    __table_args__ = (Index(None, "user_id", "room_id"), Index(None, "room_id", "role"), CLUSTERED)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    role: Mapped[Role] = mapped_column(KnownRole)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_seq: Mapped[int] = mapped_column(BigInteger)
    # No message of the member, and no mention of the member, has a higher seq; None: not known.
    sent_seq: Mapped[int | None] = mapped_column(BigInteger, default=0)
    mentioned_seq: Mapped[int | None] = mapped_column(BigInteger, default=0)
    # When it began, or `role` or `read_seq` changed, by the database's clock. A default, because an
    # expression of each row's own would make a statement of each row.
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=DatabaseNow())
    # True: `thread_followers` has rows of the member in the room. None: it has none.
    follows_threads: Mapped[bool | None]
    # Until then the member may read, but not write. The same as in `room_sanctions`.
    timed_out_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The member sees what is above this seq, unless the room was opened since; None: everything.
    visible_after_seq: Mapped[int | None] = mapped_column(BigInteger)


class Departure(Base):
    """A membership that ended: a client that was away learns which rooms it has lost."""

    __tablename__ = "departures"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # by the database's clock
    seq: Mapped[int | None] = mapped_column(BigInteger)  # of the event; None: not known
    # What the member saw began after this seq; None: at the beginning.
    visible_after_seq: Mapped[int | None] = mapped_column(BigInteger)


class MessageRow(Base):
    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("room_id", "sender_id", "nonce"), CLUSTERED)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sender_id: Mapped[UUID] = mapped_column(ForeignKey(User.id))
    nonce: Mapped[str] = mapped_column(ascii_key(NONCE_CHARS))
    text: Mapped[str] = mapped_column(LongText)
    reply_to: Mapped[int | None] = mapped_column(BigInteger)
    # Of what was sent under the nonce (`core/send_request.py`); None: not known.
    fingerprint: Mapped[bytes | None] = mapped_column(BINARY(FINGERPRINT_BYTES))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # JSON: the fields of a message that have no column (`repositories/message_columns.py`).
    details: Mapped[str | None] = mapped_column(LongJson)
    # False: a reply that is only in its thread. A default of the schema, for rows that a program of
    # the step before writes.
    in_timeline: Mapped[bool] = mapped_column(server_default=true())


class RoomEventRow(Base):
    """One row of a room's log.

    A message event names its message (`message_seq`) and holds no text: a replay shows the message
    as it is now. Every other event keeps what it says in `body`, JSON.
    """

    __tablename__ = "room_events"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(ascii_key(32))
    actor_id: Mapped[UUID] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    message_seq: Mapped[int | None] = mapped_column(BigInteger)
    # The number of messages up to this event, and the seq of the newest of them, or 0: what is
    # unread is a difference of two. None: not known, a program of the step before has written it.
    message_count: Mapped[int | None] = mapped_column(BigInteger)
    last_message_seq: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str | None] = mapped_column(LongText)


class UserLog(Base):
    """The counter of a user's log; no row: the log is empty."""

    __tablename__ = "user_logs"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)  # of the newest event
    trimmed_seq: Mapped[int] = mapped_column(BigInteger, default=0)  # events up to it are deleted
    # When `seq` last moved, by the database's clock: for readers that missed a publication.
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=DatabaseNow(), index=True)


class UserEventRow(Base):
    """One row of a user's log. It names a room, or an item in a room, and says nothing about it: a
    reader reads it as it is now."""

    __tablename__ = "user_events"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(ascii_key(32))
    room_id: Mapped[UUID] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The kind of an item (`wire/items.py`), and what its kind identifies it by; None: a room.
    item: Mapped[str | None] = mapped_column(ascii_key(ITEM_KIND_CHARS))
    item_seq: Mapped[int | None] = mapped_column(BigInteger)
    item_id: Mapped[UUID | None] = mapped_column(Id)


class UserGroup(Base):
    """Users that `@handle` mentions together."""

    __tablename__ = "user_groups"
    __table_args__ = (UniqueConstraint("handle_key"), TABLE)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    handle: Mapped[str] = mapped_column(String(NAME_CHARS))
    handle_key: Mapped[str] = mapped_column(String(NAME_CHARS))
    display_name: Mapped[str] = mapped_column(String(TITLE_CHARS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UserGroupMember(Base):
    __tablename__ = "user_group_members"
    __table_args__ = (Index(None, "user_id", "group_id"), CLUSTERED)

    group_id: Mapped[UUID] = mapped_column(
        ForeignKey(UserGroup.id, ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    # Whether the member may change who is in the group; None: no.
    is_manager: Mapped[bool | None]


class NotificationSettings(Base):
    """Of a user, for all rooms; no row: the defaults."""

    __tablename__ = "notification_settings"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    level: Mapped[str | None] = mapped_column(ascii_key(16))  # None: by the kind of the room
    keywords: Mapped[str] = mapped_column(LongText)  # a list in JSON
    quiet_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    schedule: Mapped[str | None] = mapped_column(LongText)  # an object in JSON


class RoomNotificationSettings(Base):
    """Of a user, for one room; no row: as for all rooms."""

    __tablename__ = "room_notification_settings"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    level: Mapped[str | None] = mapped_column(ascii_key(16))  # None: as for all rooms
    muted: Mapped[bool] = mapped_column(default=False)
    muted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: for ever


class ServerStateRow(Base):
    """One row (`id` = 1): which history this database has, and what is known of its clock."""

    __tablename__ = "server_state"
    __table_args__ = (CLUSTERED,)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(ascii_key(EPOCH_CHARS))
    restores: Mapped[int]  # how often `after-restore` has begun an epoch; 0: the original history
    clock_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the highest time that was seen
    clock_steps: Mapped[int]  # how often the clock was seen far behind `clock_at`


class ServerSettings(Base):
    """At most one row (`id` = 1): what administrators have chosen for the whole server."""

    __tablename__ = "server_settings"
    __table_args__ = (CLUSTERED,)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None] = mapped_column(String(TITLE_CHARS))
    # When the first administrator was made; None: this has still to be done.
    set_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # JSON of a `TextFilter`; None: no rules.
    filters: Mapped[str | None] = mapped_column(LongJson)


def columns(model: type[Base]) -> ReadOnlyColumnCollection[str, Column[Any]]:
    """For statements that are run all the time: as a constant with parameters, of these columns
    instead of the model's attributes, one takes half of the CPU."""
    return cast(Table, model.__table__).c
