"""uvicorn's protocol class for HTTP connections, with the limits and timeouts that it lacks.

The parser gets one request at a time: first a complete head that `framing` has checked, then its
body, and the next request only after the answer. So an error is always sent where an answer is due;
bytes behind an `Upgrade` that is not served are never parsed as a request (Kludex/uvicorn#2722).

A head must be complete `header_timeout_s` after the connection was made, or, for a later request,
after its first byte; the body `body_timeout_s` after that. A peer that does not read an answer is
disconnected after `write_timeout_s`. A request that arrives in one piece sets no timer.
"""

from asyncio import TimerHandle, Transport
from typing import Any, cast

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.application.app_context import AppContext
from app.http.framing import END, MAX_HEAD_BYTES, read_head
from app.http.problems import problem_response
from app.settings import Server
from app.wire.errors import BadRequest, ChatError, MethodNotAllowed, TooLarge, TooSlow

# Chunks of one body, and empty lines in it: each costs a call, and clients send few.
MAX_CHUNKS = 10_000
# Closing while the peer still sends would reset the connection, and the answer would be lost.
LINGER_S = 0.5


class ChatHttpProtocol(HttpToolsProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._settings: Server = cast(AppContext, self.app_state["context"]).settings.server
        self._ended = False  # after a refusal or an upgrade: further bytes are not read here
        self._unparsed = bytearray()
        self._searched = 0  # leading bytes of `_unparsed` that are known to end no head
        self._is_websocket = self._in_head = self._in_body = self._keep_alive = False
        self._body_left: int | None = 0  # bytes; None for a chunked body
        self._chunks = 0
        self._receive_timer: TimerHandle | None = None  # for the head or the body
        self._write_timer: TimerHandle | None = None  # for the peer to read an answer

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_reading()

    def data_received(self, data: bytes) -> None:
        if not self._ended:
            self._unparsed += data
            self._parse()

    @property
    def _is_answering(self) -> bool:
        last: RequestResponseCycle | None = self.cycle
        return last is not None and not last.response_complete

    # From one request to the next.

    def _parse(self) -> None:
        while self._unparsed and not (self._ended or self.transport.is_closing()):
            if self._in_body:
                if not self._parse_body():
                    break
            elif self._is_answering:
                self.flow.pause_reading()
                break
            elif not self._parse_head():
                break
        if self._in_body and not self._ended and self._receive_timer is None:
            self._receive_timer = self.loop.call_later(
                self._settings.body_timeout_s, self._on_body_timeout
            )

    def _parse_head(self) -> bool:
        """Returns False if the head is not complete yet."""
        self._unset_keepalive_if_required()
        if self._receive_timer is None:
            self._start_header_timer()
        while self._unparsed.startswith(b"\r\n"):  # RFC 9112, 2.2
            del self._unparsed[:2]
        end = self._unparsed.find(END, self._searched) + len(END)
        is_whole = end >= len(END)
        if (end if is_whole else len(self._unparsed) + 1) > MAX_HEAD_BYTES:
            self._refuse(TooLarge(f"A head has at most {MAX_HEAD_BYTES} bytes here."))
        elif is_whole:
            self._start_request(self._pop(end))
        self._searched = 0 if is_whole else max(0, len(self._unparsed) - len(END) + 1)
        return is_whole

    def _start_request(self, raw: bytes) -> None:
        self._cancel_receive_timer()
        try:
            head = read_head(raw)
        except ChatError as error:
            self._refuse(error)
            return
        self._body_left, self._is_websocket = head.length, head.is_handshake
        self._chunks = 0
        self._in_head = True
        self._feed_parser(head.raw)
        self._in_head = False
        if self._is_websocket:
            self._hand_over_websocket()
        elif self._in_body != (head.length != 0):
            self._refuse_body()

    def _parse_body(self) -> bool:
        """Returns False if there is nothing to parse yet. A chunked body can end only at END, so
        the parser gets no more than one of these at a time."""
        if self._body_left is not None:
            data = self._pop(self._body_left)
            self._body_left -= len(data)
        else:
            end = self._unparsed.find(END)
            whole = len(self._unparsed) - len(END) + 1
            data = self._pop(end + len(END) if end >= 0 else max(0, whole))
            self._chunks += end >= 0
        self._feed_parser(data)
        if self._chunks > MAX_CHUNKS or (
            self._body_left is not None and self._in_body != (self._body_left > 0)
        ):
            self._refuse_body()
        return bool(data)

    def _pop(self, size: int) -> bytes:
        data = bytes(self._unparsed[:size])
        del self._unparsed[:size]
        return data

    def _feed_parser(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            if not self._is_websocket:
                self._refuse_body()
        except HttpParserInvalidMethodError:
            self._refuse(
                MethodNotAllowed("This server does not know that method. See GET /openapi.json.")
            )
        except HttpParserError:
            self._refuse_body()

    def _hand_over_websocket(self) -> None:
        if self._unparsed:
            self._refuse(BadRequest("A client waits for the answer to its handshake."))
        elif not self._ended:
            self._stop_reading()
            self.handle_websocket_upgrade()

    def _stop_reading(self) -> None:
        self._ended = True
        self._cancel_receive_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        if not self._in_head:
            raise ValueError("a request begins where none may")  # becomes an HttpParserError
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # trailers are dropped: nothing bounds their size
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise ValueError("too many chunks")

    def on_headers_complete(self) -> None:
        if self._is_websocket:
            self.scope["method"] = "GET"
            return
        super().on_headers_complete()
        self._in_body = True
        if self.expect_100_continue:  # after an early answer the client may leave the body out
            self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def on_message_complete(self) -> None:
        if self._is_websocket:
            return
        self._cancel_receive_timer()
        self._in_body = False
        if self.expect_100_continue and not self.cycle.response_started:
            self.cycle.keep_alive = self._keep_alive
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()
        else:
            self._parse()

    # Timeouts and refusals.

    def _start_header_timer(self) -> None:
        self._receive_timer = self.loop.call_later(
            self._settings.header_timeout_s, self._on_header_timeout
        )

    def _cancel_receive_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _on_header_timeout(self) -> None:
        if self._unparsed:
            self._refuse(TooSlow("The head of the request did not arrive in time."))
        else:
            self._close()

    def _on_body_timeout(self) -> None:
        self._refuse(TooSlow("The body of the request did not arrive in time."))

    def _refuse_body(self) -> None:
        self._refuse(
            BadRequest(
                "The request is malformed (RFC 9112): its body is not as its head says, or has "
                f"more than {MAX_CHUNKS} chunks."
            )
        )

    def _refuse(self, error: ChatError) -> None:
        """Answers in place of the application, unless its answer has begun."""
        if self._ended or self.transport.is_closing():
            return
        self._ended = True
        self._cancel_receive_timer()
        if self._in_body or self._is_answering:
            if self.cycle.response_started:
                self._close()
                return
            self.cycle.disconnected = True  # drops the application's answer
            self.cycle.message_event.set()
        answer = problem_response(error)
        head = [STATUS_LINE[answer.status_code], b"connection: close\r\n"]
        head += [b"%b: %b\r\n" % header for header in answer.raw_headers]
        self.transport.write(b"".join([*head, b"\r\n", bytes(answer.body)]))
        self.loop.call_later(LINGER_S, self._close)

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _close(self) -> None:
        """Closes once the peer has read everything; `transport.close` alone has no timeout."""
        self.transport.close()
        self._start_write_timer()

    def _start_write_timer(self) -> None:
        if self._write_timer is None and self in self.connections:
            self._write_timer = self.loop.call_later(
                self._settings.write_timeout_s, self.transport.abort
            )

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None and not self.transport.is_closing():
            self._write_timer.cancel()
            self._write_timer = None
