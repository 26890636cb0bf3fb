"""A minimal TCP load balancer: round-robin over the servers that accept the connection."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Balancer:
    """`failures` are the status lines above 499 that clients received, except for sockets that were
    sent elsewhere (`moved_on`)."""

    def __init__(self, *ports: int) -> None:
        self._ports = list(ports)
        self._piping: set[asyncio.Task[None]] = set()
        self.failures: list[bytes] = []
        self.moved_on = 0
        self.url = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            there, back = await self._connect()
        except OSError as nobody:
            self.failures.append(str(nobody).encode())
            writer.close()
            return
        request = await reader.read(65536)
        back.write(request)
        is_socket = request.startswith(b"GET /ws ")
        for source, sink in ((reader, back), (there, writer)):
            note = source is there
            task = asyncio.create_task(self._pipe(source, sink, is_socket if note else None))
            self._piping.add(task)
            task.add_done_callback(self._piping.discard)

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        for last in (False, True):
            self._ports.append(self._ports.pop(0))
            try:
                return await asyncio.open_connection("127.0.0.1", self._ports[0])
            except OSError:
                if last:
                    raise
        raise AssertionError("there are two")

    async def _pipe(
        self, source: StreamReader, sink: StreamWriter, answers_socket: bool | None
    ) -> None:
        try:
            while data := await source.read(65536):
                if answers_socket is not None and data.startswith(b"HTTP/1.1 5"):
                    if answers_socket and data.startswith(b"HTTP/1.1 503"):
                        self.moved_on += 1
                    else:
                        self.failures.append(data)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    async def close(self) -> None:
        for task in self._piping:
            task.cancel()
        await asyncio.gather(*self._piping, return_exceptions=True)


@asynccontextmanager
async def run_balancer(*ports: int) -> AsyncIterator[Balancer]:
    balancer = Balancer(*ports)
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield balancer
    finally:
        server.close()
        await balancer.close()
