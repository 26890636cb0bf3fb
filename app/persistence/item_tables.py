"""Items: what one person has besides rooms. Clients get them through the user's log.

No foreign key to `rooms`: an insert would lock the room's row, for which sends would wait.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BINARY, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.sql.types import CLUSTERED, Id, LongText, UtcDateTime, ascii_key
from app.persistence.tables import FINGERPRINT_BYTES, NONCE_CHARS, Base, User
from app.wire.items import MAX_NOTE_CHARS


class Draft(Base):
    """A text that a user has not sent yet: one in each room and thread (0: outside of threads)."""

    __tablename__ = "drafts"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    thread: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(LongText)
    reply_to: Mapped[int | None] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SavedMessage(Base):
    """A message that a user has marked for later."""

    __tablename__ = "saved_messages"
    __table_args__ = (Index(None, "user_id", "saved_at"), CLUSTERED)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(String(MAX_NOTE_CHARS))
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScheduledMessage(Base):
    """A message that is sent later. Those that were sent are kept for a while, for their nonces."""

    __tablename__ = "scheduled_messages"
    __table_args__ = (
        UniqueConstraint("user_id", "room_id", "nonce"),
        Index(None, "state", "due_at"),
        CLUSTERED,
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id)
    nonce: Mapped[str] = mapped_column(ascii_key(NONCE_CHARS))
    fingerprint: Mapped[bytes] = mapped_column(BINARY(FINGERPRINT_BYTES))  # of the first content
    content: Mapped[str] = mapped_column(LongText)  # the fields of `Content`, JSON
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(ascii_key(16))  # a `ScheduledState`
    error: Mapped[str | None] = mapped_column(ascii_key(32))  # the code of a refusal
    message_seq: Mapped[int | None] = mapped_column(BigInteger)


class UserBlock(Base):
    """A user that another one has blocked. In a direct room `rooms.blocked_by` says the same."""

    __tablename__ = "user_blocks"
    __table_args__ = (Index(None, "user_id", "at"), CLUSTERED)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    blocked_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PresenceSettings(Base):
    """What a user has chosen others to see of their presence; no row: the defaults."""

    __tablename__ = "presence_settings"
    __table_args__ = (CLUSTERED,)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    choice: Mapped[str] = mapped_column(ascii_key(16))  # a `PresenceChoice`
    visible_to: Mapped[str] = mapped_column(ascii_key(16))  # a `PresenceAudience`


class Reminder(Base):
    """What a user wants to be reminded of: a room, or a message in it."""

    __tablename__ = "reminders"
    __table_args__ = (Index(None, "fired_at", "due_at"), CLUSTERED)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(MAX_NOTE_CHARS))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
