"""Listening sockets: one for each address of the host, all on the same port."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from app.settings import PREFIX, Server, SettingsError

ALL_IPV6, ALL_IPV4 = "::", "0.0.0.0"  # noqa: S104  # only if the operator sets them
# The address by which a client on this machine reaches a server that listens on all addresses.
LOOPBACK_ADDRESSES = {ALL_IPV6: "::1", ALL_IPV4: "127.0.0.1"}


def open_listeners(server: Server) -> list[socket.socket]:
    """Opens the listeners of a single process. Raises SettingsError."""
    with _raise_settings_error(server), contextlib.ExitStack() as failed:
        port, listeners = server.port, []
        for family, address in _resolve_addresses(server):
            listener = bind(family, (address[0], port, *address[2:]))
            listeners.append(failed.enter_context(listener))
            port = listener.getsockname()[1]  # chosen by the system if the setting is 0
        failed.pop_all()
        return listeners


def open_shared_listeners(server: Server) -> list[list[socket.socket]]:
    """Opens listeners for each of `workers` processes, over which the kernel spreads connections.
    Raises SettingsError, also if another program listens on the port."""
    with contextlib.ExitStack() as stack:
        exclusive = [stack.enter_context(listener) for listener in open_listeners(server)]
        with _raise_settings_error(server):
            return [
                [bind(probe.family, probe.getsockname(), shared=True) for probe in exclusive]
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


def format_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _resolve_addresses(server: Server) -> list[tuple[int, tuple[Any, ...]]]:
    """`::` means all addresses of both families. Each family has its own socket: a socket for both
    would report ::ffff:192.0.2.1 for the client 192.0.2.1."""
    hosts = [server.host, ALL_IPV4] if server.host == ALL_IPV6 else [server.host]
    addresses = [
        (family, address)
        for host in hosts
        for family, *_, address in socket.getaddrinfo(
            host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    ]
    return list(dict.fromkeys(addresses))


@contextlib.contextmanager
def _raise_settings_error(server: Server) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:  # UnicodeError: IDNA refuses the name
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{PREFIX}SERVER__HOST, {PREFIX}SERVER__PORT: cannot listen on "
            f"{server.host}, port {server.port}: {reason}"
        ) from None
