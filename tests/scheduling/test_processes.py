"""Messages are sent once, however many processes there are, and whenever they are killed."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.clock import now
from app.scheduling.job import Schedule
from testkit.answers import assert_ok, assert_problem
from testkit.limits import LIMITS
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer, fast_settings
from testkit.servers.backend import Backend
from testkit.stepping import run_stepper
from testkit.waiting import eventually
from tests.features.scheduling.test_scheduled_messages import (
    PAST,
    is_sent,
    later,
    schedule,
    scheduled,
    texts,
)
from tests.realtime.test_clock_steps import new_person

PROGRAM = "tests.scheduling.program"


@pytest.mark.setting("CHAT_SCHEDULING__INTERVAL_MS")
async def test_a_process_that_is_killed_before_the_commit_has_sent_nothing(
    server: TestServer, backend: Backend, ada: Person, tmp_path: Path
) -> None:
    """The message and its mark are one transaction; the next process sends it."""
    room = await ada.makes_room()
    await schedule(ada, room, due_at=PAST)
    for _ in range(2):
        async with run_stepper(PROGRAM, backend.settings, tmp_path) as process:
            await process.next_step()
            await process.kill()
        assert [item["state"] for item in await scheduled(ada)] == ["pending"]
        assert await texts(ada, room) == []
    async with run_stepper(PROGRAM, backend.settings, tmp_path) as process:
        await process.next_step()
        process.commit()
        await eventually(lambda: is_sent(ada, room, "later"))
        await process.kill()
    assert await scheduled(ada) == []
    await Schedule(server.context.database, LIMITS).run_due()
    assert await texts(ada, room) == ["later"]


@pytest.mark.parametrize(
    "backend", [pytest.param("cluster", marks=pytest.mark.cluster)], indirect=True
)
async def test_an_edit_waits_for_a_message_that_is_being_sent(
    server: TestServer, backend: Backend, ada: Person, tmp_path: Path
) -> None:
    """It changes the message only if that was not sent."""
    room = await ada.makes_room()
    for number, is_killed in enumerate([True, False]):
        item = await schedule(ada, room, nonce=f"n{number}", due_at=PAST)
        async with run_stepper(PROGRAM, backend.settings, tmp_path) as process:
            await process.next_step()
            edit = asyncio.create_task(ada.patch(f"/scheduled/{item['id']}", due_at=later()))
            deletion = asyncio.create_task(ada.delete(f"/scheduled/{item['id']}"))
            if is_killed:
                await process.kill()
                assert_ok(await deletion, 204)
                assert (await edit).status_code in (200, 404)
            else:
                process.commit()
                assert_problem(await edit, "not_pending")
                assert_problem(await deletion, "not_pending")
    assert await texts(ada, room) == ["later"]


@pytest.mark.parametrize(
    "backend", [pytest.param("cluster", marks=pytest.mark.cluster)], indirect=True
)
async def test_two_servers_send_each_message_once(backend: Backend, tmp_path: Path) -> None:
    """One of them is killed meanwhile, and a third one comes."""
    settings = fast_settings(backend.settings)
    async with AsyncExitStack() as stack:

        async def start(name: str) -> ServerProcess:
            directory = tmp_path / name
            directory.mkdir()
            return await stack.enter_async_context(run_process(settings, directory))

        first, second = [await start(name) for name in ("first", "second")]
        ada = await new_person(first)
        rooms = [await ada.makes_room() for _ in range(2)]
        at = (now() + timedelta(seconds=3)).isoformat()
        for number in range(60):
            person = (first, second)[number % 2].here(ada)
            body = {"text": f"text {number}", "nonce": f"n{number}", "due_at": at}
            await schedule(person, rooms[number % 2], **body)
        await eventually(lambda: has_some(second.here(ada), rooms))
        await first.stop()
        third = await start("third")
        ada = third.here(ada)
        await eventually(lambda: has_all(ada, rooms, 60))
        sent = [text for room in rooms for text in await texts(ada, room)]
        assert Counter(sent) == Counter(f"text {number}" for number in range(60))
        assert await scheduled(ada) == []


async def has_some(person: Person, rooms: list[str]) -> bool:
    return bool([text for room in rooms for text in await texts(person, room)])


async def has_all(person: Person, rooms: list[str], count: int) -> bool:
    return len([text for room in rooms for text in await texts(person, room)]) >= count
