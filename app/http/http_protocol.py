"""HTTP connections: uvicorn's own protocol class, with bounds that it has none of, on how long a
peer may take and on how large a head may be, and with one reading of where a request ends.

The parser gets one request at a time: a head as a whole, checked by `framing`, then its body, and
the next one after the answer. So each refusal stands where an answer is due, and what a peer sends
behind an `Upgrade` that is not served is never taken for a request (Kludex/uvicorn#2722).

A head has to be complete in time from when the connection is made, or from its first byte where one
follows another request; its body after that. And whoever does not read an answer is cut off. No
timer is set for a request that arrives as a whole.
"""

from asyncio import TimerHandle, Transport
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.application.app_context import Context
from app.http.framing import END, MAX_HEAD_BYTES, read_head
from app.http.problems import problem
from app.settings import Server
from app.wire.errors import BadRequest, ChatError, TooLarge, TooSlow

# Chunks of one body, and empty lines in it: each costs a call, and clients send few.
MAX_CHUNKS = 10_000
# A refusal would be lost, were the connection closed while the peer still sends.
LINGER_S = 0.5


class ChatHttpProtocol(HttpToolsProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._settings: Server = cast(Context, self.app_state["context"]).settings.server
        self._ended = False  # refused, or another protocol's: what comes is not read here
        self._unparsed = bytearray()
        self._searched = 0  # bytes of it in which no head ends
        self._is_handshake = self._in_head = self._in_body = self._keep_alive = False
        self._missing: int | None = 0  # bytes of the body; None: it comes in chunks
        self._chunks = 0
        self._arrival: TimerHandle | None = None  # of the head or the body
        self._reading: TimerHandle | None = None  # of the peer, what we have written

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end()

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
        if self._in_body and not self._ended and self._arrival is None:
            self._arrival = self.loop.call_later(self._settings.request_body_s, self._body_is_late)

    def _parse_head(self) -> bool:
        """Whether there was one as a whole."""
        self._unset_keepalive_if_required()
        if self._arrival is None:
            self._expect_head()
        while self._unparsed.startswith(b"\r\n"):  # RFC 9112, 2.2
            del self._unparsed[:2]
        end = self._unparsed.find(END, self._searched) + len(END)
        is_whole = end >= len(END)
        if (end if is_whole else len(self._unparsed) + 1) > MAX_HEAD_BYTES:
            self._refuse(TooLarge(f"A head has at most {MAX_HEAD_BYTES} bytes here."))
        elif is_whole:
            self._begin(self._take(end))
        self._searched = 0 if is_whole else max(0, len(self._unparsed) - len(END) + 1)
        return is_whole

    def _begin(self, raw: bytes) -> None:
        self._forget()
        try:
            head = read_head(raw)
        except ChatError as error:
            self._refuse(error)
            return
        self._missing, self._is_handshake = head.length, head.is_handshake
        self._chunks = 0
        self._in_head = True
        self._feed(head.raw)
        self._in_head = False
        if self._is_handshake:
            self._hand_over()
        elif self._in_body != (head.length != 0):
            self._refuse_body()

    def _parse_body(self) -> bool:
        """Whether there was a piece of it. A body in chunks can end only behind two line ends."""
        if self._missing is not None:
            piece = self._take(self._missing)
            self._missing -= len(piece)
        else:
            end = self._unparsed.find(END)
            whole = len(self._unparsed) - len(END) + 1
            piece = self._take(end + len(END) if end >= 0 else max(0, whole))
            self._chunks += end >= 0
        self._feed(piece)
        if self._chunks > MAX_CHUNKS or (
            self._missing is not None and self._in_body != (self._missing > 0)
        ):
            self._refuse_body()
        return bool(piece)

    def _take(self, size: int) -> bytes:
        piece = bytes(self._unparsed[:size])
        del self._unparsed[:size]
        return piece

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except HttpParserUpgrade:
            if not self._is_handshake:
                self._refuse_body()
        except HttpParserError:
            self._refuse_body()

    def _hand_over(self) -> None:
        if self._unparsed:
            self._refuse(BadRequest("A client waits for the answer to its handshake."))
        elif not self._ended:
            self._end()
            self.handle_websocket_upgrade()

    def _end(self) -> None:
        self._ended = True
        self._forget()
        if self._reading is not None:
            self._reading.cancel()

    # What the parser finds.

    def on_message_begin(self) -> None:
        if not self._in_head:
            raise ValueError("a request begins where none may")  # becomes an HttpParserError
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # trailers would be a second way to fill the memory
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise ValueError("too many chunks")

    def on_headers_complete(self) -> None:
        if self._is_handshake:
            self.scope["method"] = "GET"
            return
        super().on_headers_complete()
        self._in_body = True
        if self.expect_100_continue:  # answered before its body: it may never come
            self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def on_message_complete(self) -> None:
        if self._is_handshake:
            return
        self._forget()
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

    # What takes too long.

    def _expect_head(self) -> None:
        self._arrival = self.loop.call_later(self._settings.request_head_s, self._head_is_late)

    def _forget(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _head_is_late(self) -> None:
        if self._unparsed:
            self._refuse(TooSlow("The head of the request did not arrive in time."))
        else:
            self._close()

    def _body_is_late(self) -> None:
        self._refuse(TooSlow("The body of the request did not arrive in time."))

    def _refuse_body(self) -> None:
        self._refuse(
            BadRequest(
                "The request is malformed (RFC 9112): not as its head says, of an unknown method, "
                f"or in more than {MAX_CHUNKS} chunks."
            )
        )

    def _refuse(self, error: ChatError) -> None:
        """Outside of every layer of the program: before or instead of its answer, never after."""
        if self._ended or self.transport.is_closing():
            return
        self._ended = True
        self._forget()
        if self._in_body or self._is_answering:
            if self.cycle.response_started:
                self._close()
                return
            self.cycle.disconnected = True  # what the program answers now reaches nobody
            self.cycle.message_event.set()
        answer = problem(error)
        head = [STATUS_LINE[answer.status_code], b"connection: close\r\n"]
        head += [b"%b: %b\r\n" % header for header in answer.raw_headers]
        self.transport.write(b"".join([*head, b"\r\n", bytes(answer.body)]))
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
