"""Hooks into a running server: its reads, and the publications of the bus."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.core.publications import Publication
from app.wire.events import PublicationKind
from testkit.waiting import limit
from tests.realtime.dedicated_server import DedicatedServer

Run = Callable[[], Awaitable[Any]]


class PausedQuery:
    """Stops reads of one query, before or after they have read, until they are released.

    The first `times` reads stop in order; the others pass, and all do once `times` is 0.
    """

    def __init__(
        self,
        server: DedicatedServer,
        monkeypatch: pytest.MonkeyPatch,
        query: str,
        *,
        before: bool = False,
        times: int = 1,
    ) -> None:
        self.times = times
        self._query, self._before = query, before
        self._waiting: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        server.wrap_reads(monkeypatch, self._watch)

    async def _watch(self, name: str, run: Run) -> Any:
        if name != self._query or not self.times:
            return await run()
        self.times -= 1
        if self._before:
            await self._wait()
            return await run()
        found = await run()
        await self._wait()
        return found

    async def _wait(self) -> None:
        await self._waiting.put(go := asyncio.Event())
        await go.wait()

    async def next(self) -> asyncio.Event:
        """The next read that has stopped; `set` releases it."""
        async with limit():
            return await self._waiting.get()


class QueryCounter:
    """Counts the server's reads by query, and can make some fail."""

    def __init__(self, server: DedicatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count: Counter[str] = Counter()
        self.failures: dict[str, list[Exception]] = {}
        self._read = asyncio.Condition()
        server.wrap_reads(monkeypatch, self._watch)

    async def _watch(self, name: str, run: Run) -> Any:
        if self.failures.get(name):
            raise self.failures[name].pop()
        found = await run()
        self.count[name] += 1
        async with self._read:
            self._read.notify_all()
        return found

    async def until(self, name: str) -> None:
        """One more read of this query has ended."""
        before = self.count[name]
        async with limit(), self._read:
            await self._read.wait_for(lambda: self.count[name] > before)


class LossyBus:
    """Between the bus and the hub: drops publications while it is told to, and keeps all but those
    of presence, which come some time after a socket."""

    def __init__(self, server: DedicatedServer, *, drops_all: bool = False) -> None:
        self.drops_all = drops_all
        self.dropped: list[Publication] = []
        self._hear = server.hear
        server.redirect_bus(self._pass)

    def _pass(self, publication: Publication) -> None:
        if not self.drops_all:
            self._hear(publication)
        elif publication.kind is not PublicationKind.PRESENCE:
            self.dropped.append(publication)
