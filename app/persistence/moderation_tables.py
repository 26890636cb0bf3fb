"""What moderators work with: the audit log and reports.

These tables have no foreign keys: their rows outlive what they name.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.room_tables import REASON_CHARS
from app.persistence.sql.types import CLUSTERED, Id, LongJson, UtcDateTime, ascii_key
from app.persistence.tables import Base

WORD_CHARS = 32


class AuditRow(Base):
    """An act of a moderator or an administrator."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "room_id", "id"),
        Index(None, "actor_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "action", "id"),
        CLUSTERED,
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)  # sorts by time
    room_id: Mapped[UUID | None] = mapped_column(Id)  # None: the server as a whole
    actor_id: Mapped[UUID | None] = mapped_column(Id)  # None: the operator
    action: Mapped[str] = mapped_column(ascii_key(WORD_CHARS))  # an `AuditAction`
    user_id: Mapped[UUID | None] = mapped_column(Id)
    message_seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(REASON_CHARS))
    details: Mapped[str | None] = mapped_column(LongJson)  # [before, after]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReportRow(Base):
    """A message or a user of a room that somebody has reported to its moderators."""

    __tablename__ = "reports"
    __table_args__ = (
        Index(None, "room_id", "status", "id"),
        Index(None, "status", "id"),
        Index(None, "reporter_id", "id"),
        Index(None, "room_id", "user_id", "status"),
        CLUSTERED,
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)  # sorts by time
    room_id: Mapped[UUID] = mapped_column(Id)
    reporter_id: Mapped[UUID | None] = mapped_column(Id)  # None: a filter
    user_id: Mapped[UUID] = mapped_column(Id)
    message_seq: Mapped[int | None] = mapped_column(BigInteger)  # None: the user as such
    reason: Mapped[str] = mapped_column(ascii_key(WORD_CHARS))  # a `ReportReason`
    note: Mapped[str] = mapped_column(String(REASON_CHARS))
    snapshot: Mapped[str | None] = mapped_column(LongJson)  # a `ReportedMessage`
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(ascii_key(WORD_CHARS))  # a `ReportStatus`
    resolved_by: Mapped[UUID | None] = mapped_column(Id)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(ascii_key(WORD_CHARS))  # a `ReportOutcome`
    resolution_note: Mapped[str | None] = mapped_column(String(REASON_CHARS))
