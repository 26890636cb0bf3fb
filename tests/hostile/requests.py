"""Requests byte by byte, which no library would send."""

import asyncio
from dataclasses import dataclass, replace

CRLF = b"\r\n"


@dataclass(frozen=True)
class Request:
    """`head` are lines in addition to those that every request has."""

    method: str
    path: str
    token: str = ""
    query: str = ""
    head: tuple[bytes, ...] = ()
    body: bytes = b""
    kind: str = "application/json"

    def bytes(self) -> bytes:
        target = f"{self.path}?{self.query}" if self.query else self.path
        lines = [
            f"{self.method} {target} HTTP/1.1".encode(),
            *(b"Host: chat", b"Connection: close"),
            *self.head,
        ]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}".encode())
        if self.body:
            lines += [f"Content-Type: {self.kind}".encode(), b"Content-Length: %d" % len(self.body)]
        return CRLF.join([*lines, b"", self.body])

    def but(self, **fields: object) -> "Request":
        return replace(self, **fields)  # type: ignore[arg-type]


async def exchange(port: int, data: bytes) -> bytes:
    """Everything that the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(data)
        await writer.drain()
        while piece := await reader.read(1 << 20):
            answer += piece
    except ConnectionError:
        pass  # it was refused before all of it was sent
    finally:
        writer.transport.abort()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
