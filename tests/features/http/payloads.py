"""Requests that two programs could parse differently, by their names in the literature.

Each hides `prefix`, the beginning of a request, which swallows the next request on the connection
as its last header field. A case is the fragments that are sent, and whether the server has to serve
it (the framing is valid, however unusual) or to refuse it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@dataclass(frozen=True)
class Case:
    name: str
    pieces: Callable[[bytes], list[bytes]]
    served: bool = False
    requests: int = 1


def head(*fields: bytes, line: bytes = b"POST /ws HTTP/1.1", host: bytes = b"Host: chat") -> bytes:
    return b"\r\n".join((line, *filter(None, (host, *fields)), b"", b""))


def chunk(data: bytes, size: bytes = b"") -> bytes:
    return b"%b\r\n%b\r\n" % (size or b"%x" % len(data), data)


def length(data: bytes) -> bytes:
    return b"Content-Length: %d" % len(data)


END = b"0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


# More than one read of a socket brings, of empty lines, which a parser passes over.
LONG = b"\r\n" * 200_000


def swallow(prefix: bytes) -> bytes:
    """What a server that drops the parsed part of the body takes for a request."""
    body = LONG + prefix
    return head(H2C.rstrip(), length(body)) + body


def _upgrades() -> Iterator[Case]:
    yield Case("Upgrade: h2c, and a long body", lambda p: [swallow(p)], served=True)
    for name, fields in {
        "h2c": H2C.rstrip(),
        "an unknown protocol": b"Connection: Upgrade\r\nUpgrade: foo/2",
        "a websocket": b"Connection: Upgrade\r\nUpgrade: websocket",
        "a websocket or h2c": b"Connection: upgrade\r\nUpgrade: websocket, h2c",
        "two protocols": b"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket",
        "two connections": b"Connection: upgrade\r\nConnection: keep-alive\r\nUpgrade: TLS/1.0",
    }.items():
        yield Case(
            f"Upgrade: {name}, and a length",
            lambda p, f=fields: [head(f, length(p)) + p],  # type: ignore[misc]
            served=True,
        )
        yield Case(
            f"Upgrade: {name}, and a body later",
            lambda p, f=fields: [head(f, length(p)), p],  # type: ignore[misc]
            served=True,
        )
        yield Case(
            f"Upgrade: {name}, and chunks",
            lambda p, f=fields: [head(f, CHUNKED) + chunk(p), END],  # type: ignore[misc]
            served=True,
        )
    handshake = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
    key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: chat.v1"
    get = b"GET /ws HTTP/1.1"
    yield Case(
        "Upgrade: a handshake with a body",
        lambda p: [head(handshake, key, length(p), line=get) + p],
        served=True,
    )
    yield Case(
        "Upgrade: a handshake in HTTP/1.0",
        lambda p: [head(handshake, key, line=b"GET /ws HTTP/1.0") + p],
    )
    yield Case("Upgrade: a handshake and more", lambda p: [head(handshake, key, line=get) + p])
    yield Case(
        "Upgrade: a pipeline of h2c",
        lambda p: [(head(H2C.rstrip(), length(p)) + p) * 3],
        served=True,
        requests=3,
    )
    yield Case("Upgrade: CONNECT", lambda p: [head(line=b"CONNECT chat:80 HTTP/1.1") + p])
    yield Case("Upgrade: CONNECT to a path", lambda p: [head(line=b"CONNECT /ws HTTP/1.1") + p])
    yield Case(
        "Upgrade: HTTP/2 with prior knowledge",
        lambda p: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + p],
    )


def _two_lengths() -> Iterator[Case]:
    yield Case("CL.TE: both", lambda p: [head(length(END + p), CHUNKED) + END + p])
    yield Case("CL.TE: the other order", lambda p: [head(CHUNKED, length(END + p)) + END + p])
    yield Case("TE.CL: both", lambda p: [head(b"Content-Length: 4", CHUNKED) + chunk(p) + END])
    yield Case("TE.CL: later", lambda p: [head(b"Content-Length: 0", CHUNKED), chunk(p) + END])
    for coding in (
        *(b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity"),
        *(b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked"),
        *(b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked"),
        *(b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked\x00"),
        *(b"Transfer-Encoding:\r\n chunked", b"X: x\r\n Transfer-Encoding: chunked"),
        *(b"X: x\nTransfer-Encoding: chunked", b"X: x\rTransfer-Encoding: chunked"),
        *(b'Transfer-Encoding: "chunked"', b"Transfer-Encoding: chunked;x=y"),
        *(b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding:"),
        *(b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding\xff: chunked"),
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nTransfer-encoding: chunked",
    ):
        yield Case(
            f"TE.TE: {coding!r}",
            lambda p, c=coding: [head(c, length(END + p)) + END + p],  # type: ignore[misc]
        )
        yield Case(
            f"TE.TE: {coding!r}, alone",
            lambda p, c=coding: [head(c) + END + p],  # type: ignore[misc]
        )
    yield Case("TE.TE: in HTTP/1.0", lambda p: [head(CHUNKED, line=b"POST / HTTP/1.0") + END + p])
    for field in (
        *(b"Content-Length: +%d", b"Content-Length: -%d", b"Content-Length: %d %d"),
        *(b"Content-Length: %d, %d", b"Content-Length: 0x%x", b"Content-Length: %d.0"),
        *(b"Content-Length : %d", b"Content-Length:\r\n %d", b"Content-Length: %d\x00"),
        *(b"Content-Length: \x0b%d", b"Content-Length:", b"Content-Length: %d_0"),
        b"Content-Length: %d\r\nContent-Length: %d",
        b"Content-Length: 0\r\nContent-Length: %d",
        b"Content-Length: %d\r\nContent-length: 0",
        b"Content-Length: %d" + b"0" * 20,
        b"X: x\nContent-Length: %d",
    ):
        count = field.count(b"%")
        yield Case(
            f"0.CL: {field[:50]!r}",
            lambda p, f=field, n=count: [head(f % ((len(p),) * n)) + p],  # type: ignore[misc]
        )


def _ignored_bodies() -> Iterator[Case]:
    for line in (
        *(b"POST /health/live HTTP/1.1", b"GET /health/live HTTP/1.1", b"GET /nowhere HTTP/1.1"),
        *(b"OPTIONS /api/v1/rooms HTTP/1.1", b"DELETE /api/v1/rooms HTTP/1.1"),
        *(b"GET /docs HTTP/1.1", b"HEAD /health/live HTTP/1.1", b"GET /ws HTTP/1.1"),
        b"POST /api/v1/auth/logout HTTP/1.1",
        b"GET http://chat/health/live HTTP/1.1",
    ):
        yield Case(
            f"CL.0: {line.decode()}",
            lambda p, line=line: [head(length(p), line=line) + p],  # type: ignore[misc]
            served=True,
        )
        yield Case(
            f"TE.0: {line.decode()}",
            lambda p, line=line: [head(CHUNKED, line=line) + chunk(p) + END],  # type: ignore[misc]
            served=True,
        )
    yield Case(
        "CL.0: a body after the answer",
        lambda p: [head(length(p), line=b"GET /health/live HTTP/1.1"), p],
        served=True,
    )


def _chunks() -> Iterator[Case]:
    for name, body in {
        "a size too large": lambda p: chunk(p, b"ffffffffffffffff1"),
        "a size that overflows": lambda p: chunk(p, b"1000000000000000%x" % len(p)),
        "a negative size": lambda p: chunk(p, b"-%x" % len(p)),
        "a size with 0x": lambda p: chunk(p, b"0x%x" % len(p)),
        "a size with a plus": lambda p: chunk(p, b"+%x" % len(p)),
        "no size": lambda p: b"\r\n" + p,
        "a size with a space": lambda p: chunk(p, b" %x" % len(p)),
        "a bare LF behind the size": lambda p: b"%x\n%b\r\n" % (len(p), p),
        "a bare CR behind the size": lambda p: b"%x\r%b\r\n" % (len(p), p),
        "a bare LF in an extension": lambda p: b"1;a\nb\r\nx\r\n" + p,
        "a bare CR in an extension": lambda p: b"1;a\rb\r\nx\r\n" + p,
        "a NUL in an extension": lambda p: b"1;a\x00\r\nx\r\n" + p,
        "a chunk that is longer": lambda p: b"1\r\n" + p,
        "two bytes behind a chunk": lambda p: b"1\r\nxab" + p,
        "a bare LF behind a chunk": lambda p: b"1\r\nx\n" + p,
        "a bare LF at the end": lambda p: b"0\n\n" + p,
        "far too many": lambda p: b"1\r\nx\r\n" * 20_000 + chunk(p),
        "far too many empty lines": lambda p: chunk(b"\r\n" * 40_000) + chunk(p),
        "a broken trailer": lambda p: b"0\r\nX : y\r\n\r\n" + p,
        "a length in a trailer": lambda p: b"0\r\n" + length(p) + b"\r\n\r\n" + p,
    }.items():
        yield Case(f"chunks: {name}", lambda p, b=body: [head(CHUNKED) + b(p) + END])  # type: ignore[misc]
    yield Case(
        "chunks: one of each byte, with extensions",
        lambda p: [head(CHUNKED) + b"".join(chunk(bytes((c,)), b'1;a="b"') for c in p) + END],
        served=True,
    )
    yield Case(
        "chunks: empty lines inside",
        lambda p: [head(CHUNKED) + chunk(b"\r\n\r\n") + chunk(END + p) + END],
        served=True,
    )


def _heads() -> Iterator[Case]:
    for name, start in {
        "a bare LF": b"GET /health/live HTTP/1.1\nHost: chat\n\n",
        "a bare LF at the end": b"GET /health/live HTTP/1.1\r\nHost: chat\r\n\n",
        "a bare CR": b"GET /health/live HTTP/1.1\r\nHost: chat\rX: y\r\n\r\n",
        "a NUL": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nX: \x00\r\n\r\n",
        "a folded line": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nX: a\r\n b\r\n\r\n",
        "a folded first line": b"GET /health/live HTTP/1.1\r\n Host: chat\r\n\r\n",
        "a name with a space": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nA b: c\r\n\r\n",
        "a name with a comma": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nA,b: c\r\n\r\n",
        "an empty name": b"GET /health/live HTTP/1.1\r\nHost: chat\r\n: c\r\n\r\n",
        "a line without a colon": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nX\r\n\r\n",
        "no version": b"GET /health/live\r\nHost: chat\r\n\r\n",
        "version 0.9": b"GET /health/live HTTP/0.9\r\nHost: chat\r\n\r\n",
        "version 2": b"GET /health/live HTTP/2.0\r\nHost: chat\r\n\r\n",
        "a version with more": b"GET /health/live HTTP/1.1 \r\nHost: chat\r\n\r\n",
        "two spaces": b"GET  /health/live HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a tab": b"GET\t/health/live HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a target with a space": b"GET /health/live x HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a target with a fragment": b"GET /health/live#x HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a target of bytes": b"GET /\xff HTTP/1.1\r\nHost: chat\r\n\r\n",
        "a target without a slash": b"GET health/live HTTP/1.1\r\nHost: chat\r\n\r\n",
        "another host as target": b"GET http://evil/health/live HTTP/1.1\r\nHost: chat\r\n\r\n",
        "an unknown method": b"SMUGGLE /health/live HTTP/1.1\r\nHost: chat\r\n\r\n",
        "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
        "two hosts": b"GET /health/live HTTP/1.1\r\nHost: chat\r\nHost: chat\r\n\r\n",
        "two hosts in HTTP/1.0": b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "an empty host": b"GET /health/live HTTP/1.1\r\nHost:\r\n\r\n",
        "a host with a space": b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n",
        "a host with a path": b"GET /health/live HTTP/1.1\r\nHost: chat/x\r\n\r\n",
        "a host with a user": b"GET /health/live HTTP/1.1\r\nHost: a@chat\r\n\r\n",
        "a host with a wrong port": b"GET /health/live HTTP/1.1\r\nHost: chat:x\r\n\r\n",
        "a list of hosts": b"GET /health/live HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "an end without a beginning": b"\r\n0\r\n\r\n",
    }.items():
        yield Case(f"head: {name}", lambda p, s=start: [s + p])  # type: ignore[misc]
    yield Case(
        "head: empty lines before it",
        lambda _: [b"\r\n\r\n" + head(line=b"GET /health/live HTTP/1.1")],
        served=True,
    )
    yield Case(
        "head: odd names and values",
        lambda _: [head(b"!#$%&'*+-.^_`|~09: \t\xff \t", line=b"GET /health/live HTTP/1.1")],
        served=True,
    )
    yield Case(
        "head: a host with a port",
        lambda _: [head(line=b"GET /health/live HTTP/1.1", host=b"hOST:\t[::1]:80 ")],
        served=True,
    )


ALL = [*_upgrades(), *_two_lengths(), *_ignored_bodies(), *_chunks(), *_heads()]
CASES = {
    kind: [case for case in ALL if case.name.startswith(f"{kind}:")]
    for kind in ("Upgrade", "CL.TE", "TE.CL", "TE.TE", "0.CL", "CL.0", "TE.0", "chunks", "head")
}
assert sum(map(len, CASES.values())) == len(ALL)
