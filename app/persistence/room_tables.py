"""What rooms have besides members and their log: bans, time-outs, the pace of slow rooms,
requests to join, invite links."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.known import KnownRole
from app.persistence.sql.types import CLUSTERED, Id, UtcDateTime, ascii_key
from app.persistence.tables import Base, Room, User
from app.wire.domain import Role

REASON_CHARS = 500
CODE_CHARS = 22


class RoomSanction(Base):
    """A ban or a time-out of a user in a room. It stays when the user leaves."""

    __tablename__ = "room_sanctions"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    kind: Mapped[str] = mapped_column(ascii_key(16), primary_key=True)  # a `SanctionKind`
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: until it is lifted
    reason: Mapped[str] = mapped_column(String(REASON_CHARS))
    set_by: Mapped[UUID] = mapped_column(ForeignKey(User.id))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class SlowModeSend(Base):
    """When a user has last sent in a room that was in slow mode then."""

    __tablename__ = "slow_mode_sends"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # by the database's clock


class JoinRequest(Base):
    """A user asks to become a member."""

    __tablename__ = "join_requests"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    note: Mapped[str] = mapped_column(String(REASON_CHARS))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class RoomInvite(Base):
    """A link by which users become members."""

    __tablename__ = "room_invites"
    __table_args__ = (UniqueConstraint("code"), Index(None, "room_id", "id"), CLUSTERED)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id))
    code: Mapped[str] = mapped_column(ascii_key(CODE_CHARS))  # 128 random bits
    role: Mapped[Role] = mapped_column(KnownRole)
    created_by: Mapped[UUID] = mapped_column(ForeignKey(User.id))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    max_uses: Mapped[int | None]  # None: any number
    uses: Mapped[int]
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RoomPurge(Base):
    """A room that was deleted, until nothing is left of it but its row in `rooms`."""

    __tablename__ = "room_purges"
    __table_args__ = (Index(None, "due_at"), CLUSTERED)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    # The memberships and the items of users are deleted: what is left is only in this database.
    memberships_ended: Mapped[bool]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)  # by the database's clock


class RoomInviteUse(Base):
    """A user who became a member by an invite."""

    __tablename__ = "room_invite_uses"
    __table_args__ = (CLUSTERED,)

    invite_id: Mapped[UUID] = mapped_column(ForeignKey(RoomInvite.id), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # the last time
