"""What messages are found by.

`search_documents` is the same on every database. Beside it each database has an index of the terms
of its own (`persistence/search/`): its tables, whose names begin with `search_index`, are made by
the migration and described nowhere else.
"""

from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.persistence.sql.types import TABLE, Id, LongAscii, RowNumber
from app.persistence.tables import Base

SEARCH_INDEX = "search_index"


class SearchDocument(Base):
    """The terms of a message, in the order of its text. No row: it is deleted, or not read yet.

    No foreign key to `rooms`: an insert would lock the room's row, for which sends would wait.
    """

    __tablename__ = "search_documents"
    __table_args__ = (UniqueConstraint("room_id", "seq"), Index(None, "room_id", "doc"), TABLE)

    # In the order of the times of messages (`persistence/search/documents.py`).
    doc: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=False)
    room_id: Mapped[UUID] = mapped_column(Id)
    seq: Mapped[int] = mapped_column(BigInteger)
    terms: Mapped[str] = mapped_column(LongAscii)  # of `core/search_terms.py`
