"""Tables of the consumers of the logs, and of what they write."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.sql.types import CLUSTERED, Id, UtcDateTime, ascii_key
from app.persistence.tables import Base

CONSUMER_CHARS = 64


class ConsumerLease(Base):
    """Which process runs a consumer of the logs, and until when, by the database's clock."""

    __tablename__ = "consumer_leases"
    __table_args__ = (CLUSTERED,)

    consumer: Mapped[str] = mapped_column(ascii_key(CONSUMER_CHARS), primary_key=True)
    holder: Mapped[UUID] = mapped_column(Id)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConsumerPosition(Base):
    """How far a consumer has handled a room's log; no row: nothing of it yet.

    No foreign key to `rooms`: an insert would lock the room's row, for which sends would wait.
    """

    __tablename__ = "consumer_positions"
    __table_args__ = (CLUSTERED,)

    consumer: Mapped[str] = mapped_column(ascii_key(CONSUMER_CHARS), primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


class MessageCount(Base):
    """Messages of a room on a day (UTC); written by the consumer `message_statistics` only."""

    __tablename__ = "message_counts"
    __table_args__ = (CLUSTERED,)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    room_id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)
