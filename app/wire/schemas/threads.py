"""Wire shapes of threads."""

from uuid import UUID

from pydantic import ConfigDict, Field

from app.wire.events import Message
from app.wire.schemas.pages import Page
from app.wire.seq import Seq
from app.wire.validation import RequestModel, ResponseModel


class ThreadRoots(Page[Message]):
    """Messages that have replies in their threads, those with the newest replies first."""


class ThreadOut(ResponseModel):
    """The thread of a message, as the caller sees it."""

    room: UUID = Field(description="The room's id.")
    root: Message = Field(description="The message; its `thread_summary` counts the replies.")
    following: bool = Field(description="Whether the caller follows the thread.")
    read_seq: Seq = Field(
        description="The caller's marker in the thread; 0 for who has never followed it."
    )
    unread: int = Field(
        description="Replies of others after the marker, for who follows the thread. It is exact "
        "up to `max_unread`; one more than that stands for all greater numbers.",
        examples=[3],
    )
    mentions: int = Field(
        description="Those among them that mention the caller, counted likewise.", examples=[1]
    )


class SetThreadRead(RequestModel):
    """How far the caller has read a thread."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 1207}]})

    seq: Seq = Field(description="Read up to here. A marker never goes back.")
