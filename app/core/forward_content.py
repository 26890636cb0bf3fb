"""The content of a message that forwards another one."""

from typing import Any
from uuid import UUID

from app.wire.content import Content, Forwarded


class ForwardContent(Content):
    """`text` may be empty. A repeated send is recognised by the place of the source that it names,
    so that it is the same message whatever has become of the source meanwhile."""

    source_room: UUID
    source_seq: int
    forwarded: Forwarded | None = None  # None: the source cannot be read any more

    def sent_fields(self) -> dict[str, Any]:
        return self.content_fields() | {"source": [str(self.source_room), self.source_seq]}
