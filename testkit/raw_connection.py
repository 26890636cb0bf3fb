"""A client over plain TCP, without a library that would prevent invalid bytes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from testkit.peer import Frame, small_window_socket
from testkit.people import Person
from testkit.waiting import limit

TEXT, BINARY, CONT, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: chat.v1\r\n"
)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    """RFC 6455, 5.2; the mask is zero, so the payload is not changed."""
    size, bit = len(payload), 0x80 if masked else 0
    head = bytes((0x80 * fin | opcode,))
    if size < 126:
        head += bytes((bit | size,))
    elif size < 65536:
        head += bytes((bit | 126,)) + size.to_bytes(2)
    else:
        head += bytes((bit | 127,)) + size.to_bytes(8)
    return head + (b"\0\0\0\0" if masked else b"") + payload


class RawConnection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def flood(self, data: bytes, most: int) -> int:
        """Repeat the bytes until the server has closed the connection. Returns how often."""
        for count in range(most):
            try:
                await self.send(data)
            except ConnectionError:
                return count
        raise AssertionError(f"it takes it {most} times")

    async def rest(self) -> bytes:
        """Everything until the end of the connection."""
        got = b""
        async with limit():
            try:
                while piece := await self.reader.read(65536):
                    got += piece
            except ConnectionError:
                pass
        return got

    async def upgrade(self) -> None:
        status = await self.ask_for_upgrade()
        assert status == 101, status

    async def ask_for_upgrade(self, more: bytes = b"") -> int:
        """The status of a handshake with these additional header lines."""
        await self.send(UPGRADE + more + b"\r\n")
        return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])

    async def hello(self, person: Person) -> None:
        await self.say(type="hello", token=person.access)
        while (await self.next())["type"] != "rooms":
            pass

    async def say(self, **fields: object) -> None:
        await self.send(frame(TEXT, orjson.dumps(fields)))

    async def next(self) -> Frame:
        """The next text message; other frames are skipped."""
        while True:
            opcode, payload = await self.next_frame()
            if opcode == TEXT:
                found: Frame = orjson.loads(payload)
                return found
            assert opcode != CLOSE, payload

    async def next_frame(self) -> tuple[int, bytes]:
        async with limit():
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def answered(self) -> None:
        """Whether something has arrived, or nothing will."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.next_frame()

    async def close_code(self) -> int:
        """The close code; 1006 if the connection was reset without one."""
        try:
            while True:
                opcode, payload = await self.next_frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2])
        except (asyncio.IncompleteReadError, ConnectionError):
            return 1006


@asynccontextmanager
async def connect_raw(
    url: str, *, small_window: bool = False, source: str = ""
) -> AsyncIterator[RawConnection]:
    """A new connection, from an address of this machine."""
    address = urlsplit(url)
    if small_window:
        found = await asyncio.open_connection(sock=await small_window_socket(url))
    else:
        local = (source, 0) if source else None
        found = await asyncio.open_connection(address.hostname, address.port, local_addr=local)
    connection = RawConnection(*found)
    try:
        yield connection
    finally:
        connection.writer.transport.abort()


def cpu_s(pid: int) -> float:
    """The CPU time of a process, according to the kernel; proc_pid_stat(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    """The memory of a process, according to the kernel."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
