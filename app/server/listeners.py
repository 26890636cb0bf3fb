"""Listening sockets: one for each address of the host, all on one port."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from app.settings import PREFIX, Server, SettingsError

ALL_IPV6, ALL_IPV4 = "::", "0.0.0.0"  # noqa: S104  # where an operator asks for them
# How a client on this machine reaches what listens on all addresses.
LOCAL = {ALL_IPV6: "::1", ALL_IPV4: "127.0.0.1"}


def open_listeners(server: Server) -> list[socket.socket]:
    """For the only process on the port. Raises SettingsError."""
    with _explained(server), contextlib.ExitStack() as failed:
        port, listeners = server.port, []
        for family, address in _addresses(server):
            listener = bind(family, (address[0], port, *address[2:]))
            listeners.append(failed.enter_context(listener))
            port = listener.getsockname()[1]  # with 0 the system has chosen one
        failed.pop_all()
        return listeners


def open_shared_listeners(server: Server) -> list[list[socket.socket]]:
    """For each of `workers` processes; the kernel spreads connections over them. Nobody else
    listens there. Raises SettingsError."""
    with contextlib.ExitStack() as probes:
        found = [probes.enter_context(each) for each in open_listeners(server)]
        with _explained(server):
            return [
                [bind(each.family, each.getsockname(), shared=True) for each in found]
                for _ in range(server.workers)
            ]


def bind(family: int, address: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _addresses(server: Server) -> list[tuple[int, tuple[Any, ...]]]:
    """`::` is every address of both families. A socket for each: one socket for both would see
    ::ffff:192.0.2.1 where the client is 192.0.2.1."""
    hosts = [server.host, ALL_IPV4] if server.host == ALL_IPV6 else [server.host]
    found = [
        (family, address)
        for host in hosts
        for family, *_, address in socket.getaddrinfo(
            host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    ]
    return list(dict.fromkeys(found))


@contextlib.contextmanager
def _explained(server: Server) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:  # a name that IDNA refuses
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{PREFIX}SERVER__HOST, {PREFIX}SERVER__PORT: cannot listen on "
            f"{server.host}, port {server.port}: {reason}"
        ) from None
