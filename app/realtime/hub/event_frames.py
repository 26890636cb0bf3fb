"""Events as WebSocket frames: each is framed once, and once more for readers to whom the room does
not show the message that the event is about."""

from app.core.publications import Publication, hide_message, shown_message
from app.realtime.transport.ws_protocol import text_frame
from app.wire.events import PublicationKind


class EventFrame:
    __slots__ = ("_event", "_hidden", "_message_seq", "frame")

    def __init__(self, event: Publication) -> None:
        self.frame = text_frame(event.payload)
        self._event = event
        self._hidden: bytes | None = None
        self._message_seq: int | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def is_visible(self, visible_after: int) -> bool:
        """To a reader who sees what is above this seq, as the event itself is."""
        if not visible_after or self._event.kind is PublicationKind.MESSAGE:
            return True
        if self._message_seq is None:
            self._message_seq = shown_message(self._event) or self._event.seq
        return self._message_seq > visible_after

    def for_reader(self, visible_after: int) -> bytes:
        if self.is_visible(visible_after):
            return self.frame
        if self._hidden is None:
            self._hidden = text_frame(hide_message(self._event))
        return self._hidden
