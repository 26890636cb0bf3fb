"""Pages of messages over the socket."""

from app.application.app_context import AppContext
from app.core.paging import page_size
from app.messages.pages import PagePosition, encode_messages, get_page
from app.realtime.hub.connection import Connection
from app.realtime.transport.ws_protocol import text_frame
from app.wire.client_frames import GetHistory
from app.wire.frames import encode_history


async def send_history(context: AppContext, connection: Connection, frame: GetHistory) -> None:
    """Send the page, with fewer messages if more would not fit: an answer must not make its own
    connection slow. Raises ChatError."""
    limits = context.settings.limits
    is_default = "limit" not in frame.model_fields_set
    limit = page_size(frame.limit, limits.max_page_size, ("limit",), is_default=is_default)
    position = PagePosition(frame.before, frame.after, frame.around)
    max_bytes = limits.send_buffer_bytes // 4 - connection.unsent_bytes()
    while True:
        window = await context.database.read_directly(
            get_page, connection.user, frame.room, position, limit
        )
        page = encode_messages(window)
        if len(page) <= max_bytes or limit == 1:
            break
        limit = max(1, min(limit, len(window.messages)) // 2)
    connection.send_raw(text_frame(encode_history(frame.id, frame.room, page)))
