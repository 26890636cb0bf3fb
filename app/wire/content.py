"""The content of a message: what its sender chooses.

A field of `Content` is a field of every message, of POST /rooms/{id}/messages and of the frame
`message.send`, and part of the fingerprint of a send. It is stored in the column of `messages` that
has its name. It is optional, so that clients and messages that are older than the field stay valid.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.wire.seq import Seq
from app.wire.validation import Text


class Content(BaseModel):
    """Content as it is stored and shown."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(description="Exactly as it was sent.", examples=["Hello 👋"])
    reply_to: Seq | None = Field(
        None, description="`seq` of the message that this one answers.", examples=[1204]
    )

    def content_fields(self) -> dict[str, Any]:
        """The fields of `Content`, without those of the class that this object is of."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(Content.model_fields)  # pydantic computes them at each access


class NewContent(Content):
    """Content that a client sends. Its validators may be stricter than older messages are."""

    text: Text = Field(description="Exactly as it will be shown to others; limits: see `welcome`.")
