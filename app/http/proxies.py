"""The client's address behind trusted proxies.

Each proxy appends the address of its caller. So the list is read from the right: the first address
that is no trusted proxy is the client's, and those left of it are only claims of the client.
Headers of untrusted peers are ignored, and so is whichever of `X-Forwarded-*` and `Forwarded` (RFC
7239) the setting does not select, because a proxy passes on headers that it does not know.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import zip_longest
from typing import Literal, NamedTuple

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

# Elements of a forwarding header that are read, from the right.
MAX_HOPS = 32

_SCHEMES = ("http", "https")
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?|([0-9A-Fa-f:.]+)")
_PAIR = re.compile(r'\s*(\w+)=(?:"([^"\\]*)"|([^\s"]*))\s*', re.ASCII)

Address = IPv4Address | IPv6Address


class Hop(NamedTuple):
    """A proxy's statement about its caller; empty fields are unknown."""

    node: str
    scheme: str


class ProxyHeadersMiddleware:
    """Sets the client's address and scheme in the scope. This is the outermost layer."""

    def __init__(
        self,
        app: ASGIApp,
        trusted: Sequence[IPv4Network | IPv6Network],
        header: Literal["x-forwarded-for", "forwarded"],
    ) -> None:
        self._app, self._trusted = app, trusted
        self._hops = _hops_forwarded if header == "forwarded" else _hops_x_forwarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope.get("client"):
            self._resolve(scope)
        await self._app(scope, receive, send)

    def _resolve(self, scope: Scope) -> None:
        """If a proxy does not name its caller, its own address is used."""
        address = parse_node(scope["client"][0].partition("%")[0])
        scheme = ""
        hops = self._hops(Headers(scope=scope))
        while address and self._trusts(address) and (hop := next(hops, None)):
            scope["client"] = (str(address), 0)
            scheme = hop.scheme if hop.scheme in _SCHEMES else scheme
            address = parse_node(hop.node)
        if address:
            scope["client"] = (str(address), 0)
        if scheme:
            kind = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = kind + scheme.removeprefix("http")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_node(text: str) -> Address | None:
    """An address with or without a port (RFC 7239, 6); None for `unknown`, `_hidden` etc."""
    match = _NODE.fullmatch(text)
    try:
        address = ip_address(next(filter(None, match.groups()))) if match else None
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _hops_x_forwarded(headers: Headers) -> Iterator[Hop]:
    """The hops in order from the server to the client."""
    nodes = _elements(headers, "x-forwarded-for")
    schemes = _elements(headers, "x-forwarded-proto")
    for node, scheme in zip_longest(nodes, schemes, fillvalue=""):
        yield Hop(node, scheme.lower())


def _hops_forwarded(headers: Headers) -> Iterator[Hop]:
    for element in _elements(headers, "forwarded"):
        pairs: dict[str, str] = {}
        for match in map(_PAIR.fullmatch, element.split(";")):
            if match is None or match[1].lower() in pairs:
                pairs.clear()
                break
            pairs[match[1].lower()] = match[2] or match[3] or ""
        yield Hop(pairs.get("for", ""), pairs.get("proto", "").lower())


def _elements(headers: Headers, name: str) -> list[str]:
    """The elements from right to left. Quotes are ignored: otherwise a quote that a client opens
    would hide what the proxies append."""
    joined = ",".join(headers.getlist(name))
    return [element.strip() for element in reversed(joined.rsplit(",", MAX_HOPS)[-MAX_HOPS:])]
