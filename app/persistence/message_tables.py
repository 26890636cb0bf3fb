"""What belongs to messages besides their rows: versions, reactions, mentions, threads, polls."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, false, true
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.sql.types import CLUSTERED, EMOJI, Id, LongText, UtcDateTime, ascii_key
from app.persistence.tables import Base, Room, User


class MessageVersion(Base):
    """What a message said before an edit."""

    __tablename__ = "message_versions"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(LongText)
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # when it became the newest


class DeletedMessage(Base):
    """A message that was deleted: what is unread is counted without it."""

    __tablename__ = "deleted_messages"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    in_timeline: Mapped[bool] = mapped_column(server_default=true())  # that of the message


class ReactionRow(Base):
    """One user's reaction to a message. How many there are, is in `messages.details`."""

    __tablename__ = "reactions"
    __table_args__ = (
        Index("ix_reactions_user_id_room_id_seq", "user_id", "room_id", "seq"),
        CLUSTERED,
    )

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    emoji: Mapped[str] = mapped_column(EMOJI, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)


class PinRow(Base):
    """A pinned message, for the list of a room's pins."""

    __tablename__ = "pins"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class PollVote(Base):
    """One user's vote for one option of a poll. How many there are, is in `messages.details`."""

    __tablename__ = "poll_votes"
    __table_args__ = (
        Index("ix_poll_votes_user_id_room_id_seq", "user_id", "room_id", "seq"),
        CLUSTERED,
    )

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    option: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)


class ExpiringMessage(Base):
    """A message that disappears, until it has."""

    __tablename__ = "expiring_messages"
    __table_args__ = (CLUSTERED,)

    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class RoomRetention(Base):
    """A room that keeps its messages for a number of days; no row: for ever."""

    __tablename__ = "room_retentions"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    days: Mapped[int]
    set_by: Mapped[UUID] = mapped_column(ForeignKey(User.id))
    # Every message up to it is deleted.
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    # When to look at the room again, by the database's clock.
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Mention(Base):
    """The users that a message names: counted in the order (user, room, seq), listed by time."""

    __tablename__ = "mentions"
    __table_args__ = (Index(None, "user_id", "at", "room_id", "seq"), CLUSTERED)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    # Of the message. 1970: a program of the step before has written it.
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default="1970-01-01 00:00:00")
    in_timeline: Mapped[bool] = mapped_column(server_default=true())  # that of the message


class RoomMentionRow(Base):
    """That a message mentions all members of its room, those who were online, or a user group:
    the users are found when mentions are counted, so that there is no row for each member."""

    __tablename__ = "room_mentions"
    __table_args__ = (Index(None, "room_id", "at", "seq"), CLUSTERED)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # in the message
    sender_id: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(ascii_key(8))
    group_id: Mapped[UUID | None] = mapped_column(Id)
    # Of `here`: the ids in hexadecimal digits, as a list in JSON.
    users: Mapped[str | None] = mapped_column(LongText)
    # Of the message. 1970: a program of the step before has written it.
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default="1970-01-01 00:00:00")


class ThreadRow(Base):
    """A message that was replied to in its thread, for lists of threads by their last reply. What
    clients see of it is in `messages.details`."""

    __tablename__ = "threads"
    __table_args__ = (Index(None, "room_id", "last_seq"), CLUSTERED)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    root_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    # The newest reply that is not deleted; 0: there is none.
    last_seq: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ThreadMessage(Base):
    """A reply in a thread, for pages of the thread and for what is unread in it."""

    __tablename__ = "thread_messages"
    __table_args__ = (CLUSTERED,)

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    root_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    is_deleted: Mapped[bool] = mapped_column(server_default=false())


class ThreadFollower(Base):
    """A member who follows a thread, or does not want to any more. Deleted when the member leaves.

    No reply of the member has a higher seq than `read_seq`.
    """

    __tablename__ = "thread_followers"
    __table_args__ = (
        Index("ix_thread_followers_user_id_room_id_root_seq", "user_id", "room_id", "root_seq"),
        CLUSTERED,
    )

    room_id: Mapped[UUID] = mapped_column(ForeignKey(Room.id), primary_key=True)
    root_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), primary_key=True)
    read_seq: Mapped[int] = mapped_column(BigInteger)
    is_following: Mapped[bool]
