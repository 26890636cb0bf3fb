"""From the content of a send to the fields of its message."""

from datetime import datetime, timedelta
from typing import Any

from app.core.forward_content import ForwardContent
from app.wire.content import Content, NewContent
from app.wire.polls import open_poll


def message_fields(content: Content, at: datetime) -> dict[str, Any]:
    """Those that are not null, of a message that is sent at this time."""
    fields = content.content_fields()
    if isinstance(content, NewContent):
        if content.poll:
            fields["poll"] = open_poll(content.poll)
        if content.expires_in_s:
            fields["expires_at"] = at + timedelta(seconds=content.expires_in_s)
    elif isinstance(content, ForwardContent):
        fields["forwarded"] = content.forwarded
    return fields
