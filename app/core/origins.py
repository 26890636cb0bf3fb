"""Origins of web pages (RFC 6454), in the spelling that browsers send."""

import re
from collections.abc import Set

ANY = "*"

_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normalize_origin(text: str) -> str:
    """The origin in lower case without a default port. Raises ValueError."""
    match = _ORIGIN.fullmatch(text.lower())
    if match is None or int(match[3] or 0) > 65535:
        raise ValueError(f"{text[:200]!r} is not an origin, such as https://chat.example.org:8443")
    scheme, host, port = match.groups()
    is_default = not port or int(port) == _DEFAULT_PORTS.get(scheme)
    return f"{scheme}://{host}" if is_default else f"{scheme}://{host}:{int(port)}"


def parse_origins(text: str) -> frozenset[str]:
    """Parses `*` (all origins) or origins separated by commas, each with an optional slash at its
    end. Raises ValueError."""
    parts = frozenset(filter(None, map(str.strip, text.split(","))))
    if parts == {ANY}:
        return parts
    return frozenset(normalize_origin(part.removesuffix("/")) for part in parts)


def is_allowed(origin: str, allowed: Set[str]) -> bool:
    """Whether pages of `origin` may call the server, by HTTP (CORS) or WebSocket."""
    return origin in allowed or ANY in allowed


def is_same_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether `origin` is that of this server, whose request named `host`.

    An https page may call an http server, because a proxy may terminate TLS without telling the
    server. An http page may not call a `secure` server: the page may have been tampered with.
    """
    scheme = origin.partition(":")[0]
    if scheme not in _DEFAULT_PORTS or (secure and scheme == "http"):
        return False
    try:
        return origin == normalize_origin(f"{scheme}://{host}")
    except ValueError:
        return False
