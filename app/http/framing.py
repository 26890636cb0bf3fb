"""Finds where a request ends: checks its head before the parser (RFC 9112, sections 2, 3, 5, 6).

If a proxy and the server disagree on where a request ends, part of one client's request is taken
for another client's (request smuggling). So an ambiguous head is refused, however the parser would
read it, and `Upgrade` is passed on only for the handshake of a WebSocket.
"""

import re
from collections import defaultdict
from typing import NamedTuple

from app.wire.errors import BadRequest, TooLarge

# Including the empty line at the end; browsers and proxies send less.
MAX_HEAD_BYTES = 64 * 1024
MAX_HEAD_FIELDS = 200
END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_HEAD = re.compile(
    rb"(%b) ([!\"$-~]++) HTTP/1\.([01])\r\n((?:%b:[\t -~\x80-\xff]*+\r\n)*+)\r\n" % (_TOKEN, _TOKEN)
)
_FIELD = re.compile(rb"([^:\r\n]++):([^\r\n]*+)\r\n")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,15}")

_MALFORMED = (
    "The head is malformed (RFC 9112). It is a request line, fields as `Name: value`, "
    "with nothing but the name before the colon, and an empty line; each line ends with CR LF."
)
_FRAMING = (
    "Where the body ends is not clear: one `Content-Length` in digits, or in HTTP/1.1 one "
    "`Transfer-Encoding: chunked`, and not both."
)
_HOSTLESS = "A request of HTTP/1.1 has one `Host`: a name or an address, and perhaps a port."
_FOREIGN = "The request is for another host than its `Host` says."
_TARGET = "The target of a request is a path here, and CONNECT is not served."


class RequestHead(NamedTuple):
    """`raw` is the text for the parser; `length` is that of the body, or None if it is chunked."""

    raw: bytes
    length: int | None
    is_handshake: bool


def read_head(raw: bytes) -> RequestHead:
    """Reads the head of one request with its empty line. Raises BadRequest, TooLarge."""
    match = _HEAD.fullmatch(raw)
    if match is None:
        raise BadRequest(_MALFORMED)
    method, target, minor, lines = match.groups()
    fields = [(name, value.strip(b" \t")) for name, value in _FIELD.findall(lines)]
    if len(fields) > MAX_HEAD_FIELDS:
        raise TooLarge(f"A head has at most {MAX_HEAD_FIELDS} fields here.")
    values = defaultdict[bytes, list[bytes]](list)
    for name, value in fields:
        values[name.lower()].append(value)
    is_current = minor == b"1"
    path = _find_path(method, target, values[b"host"], is_current)
    length = _find_length(values[b"content-length"], values[b"transfer-encoding"], is_current)
    is_handshake = length == 0 and is_current and method == b"GET" and _asks_for_socket(values)
    if path != target or (values[b"upgrade"] and not is_handshake):
        kept = [b"%b: %b\r\n" % field for field in fields if field[0].lower() != b"upgrade"]
        raw = b"".join((b"%b %b HTTP/1.%b\r\n" % (method, path, minor), *kept, b"\r\n"))
    return RequestHead(raw, length, is_handshake)


def _find_path(method: bytes, target: bytes, hosts: list[bytes], is_current: bool) -> bytes:
    """The path and query of the target, which may repeat the host (RFC 9112, 3.2)."""
    if len(hosts) > 1 or (is_current and not hosts) or not all(map(_HOST.fullmatch, hosts)):
        raise BadRequest(_HOSTLESS)
    if method == b"CONNECT":
        raise BadRequest(_TARGET)
    if target.startswith(b"/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadRequest(_TARGET)
    authority, path = absolute.groups()
    if authority.lower() != (hosts[0] if hosts else authority).lower():
        raise BadRequest(_FOREIGN)
    return path if path.startswith(b"/") else b"/" + path


def _find_length(lengths: list[bytes], codings: list[bytes], is_current: bool) -> int | None:
    if codings:
        if lengths or not is_current or [coding.lower() for coding in codings] != [b"chunked"]:
            raise BadRequest(_FRAMING)
        return None
    if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
        raise BadRequest(_FRAMING)
    return int(lengths[0]) if lengths else 0


def _asks_for_socket(values: dict[bytes, list[bytes]]) -> bool:
    """RFC 6455, 4.2.1."""
    options = b",".join(values[b"connection"]).lower().split(b",")
    protocols = [protocol.lower() for protocol in values[b"upgrade"]]
    return protocols == [b"websocket"] and b"upgrade" in map(bytes.strip, options)
