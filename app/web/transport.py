"""HTTP connections: uvicorn's own protocol class, with bounds that it has none of, on how long a
peer may take and on how large a head may be. `serve` passes it to uvicorn as `http=`.

A head has to be complete in time from when the connection is made, or from its first byte where one
follows another request; its body after that. And whoever does not read an answer is cut off. No
timer is set for a request that arrives as a whole.
"""

from asyncio import TimerHandle, Transport
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.core.errors import ChatError, TooLarge, TooSlow
from app.settings import Server
from app.web.context import Context
from app.web.problems import problem

# Bytes of a request's head: more than browsers and proxies let through.
HEAD_BYTES = 64 * 1024
# A refusal would be lost, were the connection closed while the peer still sends.
LINGER_S = 0.5


class ChatHttpProtocol(HttpToolsProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._settings: Server = cast(Context, self.app_state["context"]).settings.server
        self._upgraded = self._refused = False
        self._head_bytes = 0  # of a head that is not complete
        self._in_head = self._in_body = False
        self._arrival: TimerHandle | None = None  # of the head or the body
        self._reading: TimerHandle | None = None  # of the peer, what we have written

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()
        if self._reading is not None:
            self._reading.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._upgraded or self.transport.is_closing():
            return
        if not self._in_body and self._head_bytes > HEAD_BYTES:
            self._refuse(TooLarge(f"The head of a request has at most {HEAD_BYTES} bytes here."))
        elif self._arrival is None and self._in_body:
            self._arrival = self.loop.call_later(self._settings.request_body_s, self._body_is_late)
        elif self._arrival is None and (self._in_head or self._head_bytes):
            self._expect_head()

    def handle_websocket_upgrade(self) -> None:
        self._forget()
        self._upgraded = True
        super().handle_websocket_upgrade()

    # What the parser finds.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # trailers would be a second way to fill the memory
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._forget()
        self._in_head, self._in_body = False, True

    def on_message_complete(self) -> None:
        self._forget()
        self._in_body, self._head_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._close()

    # What takes too long.

    def _expect_head(self) -> None:
        self._arrival = self.loop.call_later(self._settings.request_head_s, self._head_is_late)

    def _forget(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _head_is_late(self) -> None:
        last: RequestResponseCycle | None = self.cycle
        if last is not None and not last.response_complete:
            self._expect_head()  # it may have come, and is not read while the last one is answered
        elif self._head_bytes:
            self._refuse(TooSlow("The head of the request did not arrive in time."))
        else:
            self._close()

    def _body_is_late(self) -> None:
        if self.cycle.response_started:
            self._close()
        else:
            self.cycle.disconnected = True  # what the program answers now reaches nobody
            self.cycle.message_event.set()
            self._refuse(TooSlow("The body of the request did not arrive in time."))

    def _refuse(self, error: ChatError) -> None:
        """Outside of every layer of the program: before or without a request."""
        if self._refused or self.transport.is_closing():
            return
        self._forget()
        answer = problem(error)
        head = [STATUS_LINE[answer.status_code], b"connection: close\r\n"]
        head += [b"%b: %b\r\n" % header for header in answer.raw_headers]
        self.transport.write(b"".join([*head, b"\r\n", bytes(answer.body)]))
        self._refused = True
        self.loop.call_later(LINGER_S, self._close)

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _close(self) -> None:
        """Once the peer has read what was written; `transport.close` would wait for ever."""
        self.transport.close()
        self._expect_reading()

    def _expect_reading(self) -> None:
        if self._reading is None and self in self.connections:
            self._reading = self.loop.call_later(
                self._settings.request_body_s, self.transport.abort
            )

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None and not self.transport.is_closing():
            self._reading.cancel()
            self._reading = None
