"""The effects of the settings of consumers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.bus.memory import MemoryBus
from app.consumers import runner
from app.consumers.registry import create_consumers
from app.consumers.runner import run_consumers
from app.core.clock import now
from app.persistence.consumer_tables import ConsumerLease
from app.persistence.database import Database
from app.persistence.repositories.consumers import Standing
from testkit.people import Person
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.consumers.recorder import Recorder
from tests.consumers.samples import open_rooms, standings


@pytest.mark.setting("CHAT_CONSUMERS__ENABLED")
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_server_runs_the_consumers_unless_they_are_disabled(
    backend: Backend, database: Database, enabled: bool
) -> None:
    settings = without_limits(backend.override(consumers={"enabled": enabled}))
    async with run_server(settings) as server, server.client() as http:
        ada: Person = await server.person(http)
        await ada.says(await ada.makes_room(), "hello")
        handled = [
            Standing(consumer.name, is_running=True, lag=0) for consumer in create_consumers()
        ]
        if enabled:

            async def has_handled() -> bool:
                return await database.read(standings) == handled

            await eventually(has_handled)
    assert bool(await database.read(standings)) == enabled


@pytest.mark.setting("CHAT_CONSUMERS__COMPARE_INTERVAL_S")
@pytest.mark.usefixtures("hasty")
async def test_the_compare_interval_is_kept(
    backend: Backend, database: Database, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_page, pages = runner._page, 0

    async def count_pages(*args: Any) -> Any:
        nonlocal pages
        pages += 1
        return await read_page(*args)

    monkeypatch.setattr(runner, "_page", count_pages)
    settings = backend.override(consumers={"compare_interval_s": 0.05}).consumers
    async with run_consumers([Recorder()], database, bus, settings):
        await eventually(lambda: pages > 20)  # in two minutes at most


@pytest.mark.setting("CHAT_CONSUMERS__LEASE_TTL_S")
async def test_the_lease_ttl_is_kept(
    backend: Backend, database: Database, bus: MemoryBus, sender: UUID
) -> None:
    await open_rooms(database, sender, 1, 0)
    recorder = Recorder()
    settings = backend.override(consumers={"lease_ttl_s": 3600}).consumers
    async with run_consumers([recorder], database, bus, settings):
        await eventually(lambda: recorder.handled)
        async with database._engines.read.connect() as connection:
            expires_at = await connection.scalar(select(ConsumerLease.expires_at))
    assert expires_at
    assert expires_at - now() > timedelta(minutes=30)
