"""What searches find."""

from uuid import UUID

from pydantic import Field

from app.wire.domain import LenientKind
from app.wire.events import Message
from app.wire.schemas.users import UserOut
from app.wire.validation import ResponseModel

MAX_QUERY_CHARS = 2000  # whatever the settings say


class HighlightOut(ResponseModel):
    """A part of a text that matches: the characters from `start` up to `end`, which is not one of
    them. Characters are Unicode code points."""

    start: int = Field(examples=[0])
    end: int = Field(examples=[5])


class SearchHit(ResponseModel):
    """A message that was found. One with `thread` is a reply in that thread."""

    room: UUID = Field(description="The room's id.")
    message: Message
    highlights: list[HighlightOut] = Field(
        description="What of the message's `text` matches, in order, of up to 8,000 characters "
        "of a page. None where something else of the message matches, such as its sender."
    )


class SearchPage(ResponseModel):
    """Messages that were found. A page may have fewer than `limit`, even none, although there are
    more: go on until `next` is null."""

    items: list[SearchHit]
    next: str | None = Field(
        description="Pass it as `cursor` to get the next page; null on the last page.",
        examples=["ODY5NzM3MzM4Nzc4NDA2OTE3"],
    )


class FoundRoom(ResponseModel):
    """A room of the caller, or a public room."""

    id: UUID
    kind: LenientKind
    name: str = Field(examples=["General"])
    topic: str = Field(examples=["Hello"])
    is_member: bool = Field(description="The caller is a member of it.")


class SearchResults(ResponseModel):
    """What one box finds: some of each."""

    people: list[UserOut] = Field(description="Those whose name begins so.")
    rooms: list[FoundRoom] = Field(
        description="Rooms of the caller and public rooms whose name begins so."
    )
    messages: list[SearchHit] = Field(description="The newest ones.")
