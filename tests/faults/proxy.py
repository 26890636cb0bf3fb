"""A TCP proxy that breaks connections as networks do.

It can delay, block, fragment, close and reset them, and lose one end while the other stays open.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from typing import Literal

HOST = "127.0.0.1"
CHUNK = 65536
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close resets and discards unsent data
# The end of a MySQL packet: COM_QUERY and its text, or the last of several statements.
COMMIT = (b"\x03COMMIT", b";COMMIT")

Moment = Literal["before", "during", "after"]
End = Literal["client", "server"]


class Link:
    """One connection through the proxy, with its two ends."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.discards = False  # one end is lost; bytes of the other end are dropped
        self.will_reset = False  # reset it at the next bytes of the server

    def reset(self) -> None:
        for writer in (self.client, self.server):
            abort(writer)

    def half_open(self, gone: End) -> None:
        self.discards = True
        abort(self.server if gone == "server" else self.client)


class Proxy:
    """Listens on `port`, and connects to `target`, which may change."""

    def __init__(self, target: int, rng: random.Random | None = None) -> None:
        self.target = target
        self.port = 0
        self.links: set[Link] = set()
        self.connections = 0  # in total
        self.delay_s = 0.0  # of every chunk, in both directions
        self.max_bytes = 0  # of a fragment; 0: as they arrive
        self.on_commit: Moment | None = None  # when to reset the next link that sends COMMIT
        self.commits_cut = 0
        self._rng = rng or random.Random()
        self._passable = asyncio.Event()
        self._passable.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    def block(self) -> None:
        """Nothing passes, nothing is refused, and new connections get no reply."""
        self._passable.clear()

    def heal(self) -> None:
        """Everything passes again, including what was blocked, as after TCP retransmissions."""
        self.delay_s, self.max_bytes, self.on_commit = 0.0, 0, None
        self._passable.set()

    def reset(self) -> None:
        """Reset all connections, like a firewall that has lost its state."""
        for link in list(self.links):
            link.reset()

    def close(self) -> None:
        """Close all connections in order, at both ends."""
        for link in list(self.links):
            link.client.close()
            link.server.close()

    def half_open(self, gone: End) -> None:
        """One end loses its connections, the other does not notice; new connections work."""
        for link in list(self.links):
            link.half_open(gone)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._passable.wait()
            try:
                server_reader, server_writer = await asyncio.open_connection(HOST, self.target)
            except OSError:
                abort(writer)
                return
            link = Link(writer, server_writer)
            self.links.add(link)
            try:
                await self._both_ways(link, reader, server_reader)
            finally:
                self.links.discard(link)
        except asyncio.CancelledError:
            pass  # by `stop`; asyncio's streams would log it
        finally:
            self._tasks.discard(task)
            abort(writer)

    async def _both_ways(
        self, link: Link, client: asyncio.StreamReader, server: asyncio.StreamReader
    ) -> None:
        ways = [
            asyncio.create_task(self._pump(link, client, link.server, self._up)),
            asyncio.create_task(self._pump(link, server, link.client, self._down)),
        ]
        try:
            await asyncio.wait(ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            abort(link.server)

    async def _pump(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[Link, bytes], bool],
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._passable.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if link.discards:
                    continue
                if passes(link, data):
                    await self._write(writer, data)
                    if link.will_reset and passes == self._up and self.on_commit == "during":
                        self._cut(link)
        except OSError:
            pass
        if not link.discards:
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while self.max_bytes and data:
            size = self._rng.randint(1, self.max_bytes)
            writer.write(data[:size])
            data = data[size:]
            await writer.drain()
            await asyncio.sleep(0)
        if data:
            writer.write(data)
            await writer.drain()

    def _up(self, link: Link, data: bytes) -> bool:
        if self.on_commit and data.endswith(COMMIT):
            if self.on_commit == "before":
                self._cut(link)
                return False
            link.will_reset = True
        return True

    def _down(self, link: Link, _data: bytes) -> bool:
        if link.will_reset:
            self._cut(link)
        return not link.will_reset

    def _cut(self, link: Link) -> None:
        self.on_commit = None
        self.commits_cut += 1
        link.will_reset = True
        link.reset()


def abort(writer: asyncio.StreamWriter) -> None:
    """Reset the connection if it is still open."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
