"""A client that was away for many changes comes back with its snapshot, and then has exactly the
items that a new client reads over HTTP."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from app.application import paced_commits
from app.core.clock import now
from app.persistence.repositories import room_lists
from app.persistence.sql.statement import Statement
from app.persistence.tables import UserEventRow
from app.scheduling import job
from testkit.answers import assert_ok
from testkit.limits import LIMITS
from testkit.peer import Frame
from testkit.people import Person, all_pages
from testkit.server import HOUR_MS
from tests.realtime.dedicated_server import StartServer
from tests.realtime.items import ItemReplica, Key, read_items
from tests.realtime.test_items import answer_to_hello

pytestmark = pytest.mark.usefixtures("no_overlap")


class ItemChanges:
    """Random changes of the items of one person, who also leaves rooms and comes back."""

    def __init__(
        self, person: Person, owner: Person, seed: int, run_due: Callable[[], Awaitable[object]]
    ) -> None:
        self._person, self._owner, self._run_due = person, owner, run_due
        self._chance = random.Random(seed)
        self._rooms: list[str] = []

    async def prepare(self) -> None:
        self._rooms = [await self._owner.makes_room("public", self._person) for _ in range(4)]
        for room in self._rooms:
            await self._owner.says(room, *map(str, range(4, 10)))
        await self.apply(20)

    async def apply(self, count: int) -> None:
        for _ in range(count):
            await self._chance.choice(self._choices())(self._chance.choice(self._rooms))

    def _choices(self) -> list[Callable[[str], Awaitable[None]]]:
        return [
            *[self._draft] * 10,
            *[self._save_message] * 10,
            *[self._schedule] * 8,
            *[self._remind] * 8,
            *[self._set_notifications] * 2,
            *[self._block] * 2,
            *[self._set_presence] * 2,
            self._leave_or_join,
        ]

    async def _draft(self, room: str) -> None:
        text = self._chance.choice(["", *["x"] * 2, f"text {self._chance.randrange(10**6)}"])
        thread = self._chance.choice([0, 0, 2])
        await self._person.put(f"/rooms/{room}/draft", text=text, thread=thread)

    async def _save_message(self, room: str) -> None:
        path = f"/rooms/{room}/messages/{self._chance.randrange(4, 10)}/saved"
        if self._chance.random() < 0.4:
            await self._person.delete(path)
        else:
            await self._person.put(path, note=f"note {self._chance.randrange(10**6)}")

    async def _schedule(self, room: str) -> None:
        """Some are due at once, and sent or refused."""
        items = assert_ok(await self._person.get("/users/me/scheduled"))["items"]
        at = now() + timedelta(hours=self._chance.choice([-1, 1]))
        if not items or self._chance.random() < 0.5:
            body = {"text": "x", "nonce": uuid4().hex, "due_at": at.isoformat()}
            await self._person.post(f"/rooms/{room}/scheduled", **body)
        elif self._chance.random() < 0.5:
            await self._person.patch(f"/scheduled/{items[0]['id']}", due_at=at.isoformat())
        else:
            await self._person.delete(f"/scheduled/{items[0]['id']}")
        await self._run_due()

    async def _remind(self, room: str) -> None:
        items = assert_ok(await self._person.get("/users/me/reminders"))["items"]
        at = now() + timedelta(hours=self._chance.choice([-1, 1]))
        if not items or self._chance.random() < 0.4:
            body = {"room": room, "due_at": at.isoformat()}
            await self._person.post("/users/me/reminders", **body)
        elif self._chance.random() < 0.6:
            path = f"/users/me/reminders/{items[0]['id']}"
            await self._person.patch(path, due_at=at.isoformat())
        else:
            await self._person.delete(f"/users/me/reminders/{items[0]['id']}")
        await self._run_due()

    async def _set_notifications(self, _: str) -> None:
        schedule = {"days": ["monday"], "start": "22:00", "end": "07:30", "time_zone": "UTC"}
        body = {
            "level": self._chance.choice(["all", "mentions", None]),
            "keywords": self._chance.sample(["one", "two", "three"], 2),
            "quiet_until": self._chance.choice([None, "2100-01-01T01:00:00+01:00"]),
            "schedule": self._chance.choice([None, schedule]),
        }
        assert_ok(await self._person.put("/users/me/notifications", **body))

    async def _set_presence(self, _: str) -> None:
        choice = self._chance.choice(["automatic", "away", "invisible"])
        assert_ok(await self._person.put("/users/me/presence", choice=choice))

    async def _block(self, _: str) -> None:
        path = f"/users/me/blocks/{self._owner.id}"
        if self._chance.random() < 0.5:
            assert_ok(await self._person.put(path))
        else:
            assert_ok(await self._person.delete(path), 204)

    async def _leave_or_join(self, room: str) -> None:
        if (await self._person.post(f"/rooms/{room}/leave")).status_code != 204:
            assert_ok(await self._person.post(f"/rooms/{room}/join"))


class Client:
    """Comes back with its snapshot; after a full list it reads its items over HTTP."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.replica = ItemReplica()
        self._snapshot: str | None = None

    async def come_back(self) -> bool:
        """Returns whether the list was full."""
        frames = await answer_to_hello(self._person, self._snapshot)
        is_full = bool(frames[1]["full"])
        if is_full:
            self.replica.items = await read_items(self._person)
        self.replica.apply(frames)
        self._snapshot = frames[-1]["snapshot"]
        return is_full

    async def shown(self) -> dict[Key, Frame]:
        """Without the saved messages of rooms that the person has left."""
        (rooms,) = await all_pages(self._person, "/rooms", limit=100)
        joined = {room["id"] for room in rooms}
        items = self.replica.items.items()
        return {key: value for key, value in items if key[0] != "saved" or key[1] in joined}


async def prepare(start: StartServer, monkeypatch: pytest.MonkeyPatch, seed: int) -> ItemChanges:
    monkeypatch.setattr(paced_commits, "INTERVAL_S", 0.0)
    server = await start(scheduling={"interval_ms": HOUR_MS})
    run_due = job.Schedule(server.running.context.database, LIMITS).run_due
    changes = ItemChanges(await server.person("ada"), await server.person("owner"), seed, run_due)
    await changes.prepare()
    return changes


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_client_that_comes_back_has_the_items_of_a_new_one(
    start: StartServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    changes = await prepare(start, monkeypatch, seed)
    client = Client(changes._person)
    assert await client.come_back()
    sizes = set()
    for count in (0, 1, 100, 5, 20):
        await changes.apply(count)
        assert not await client.come_back()
        items = await read_items(changes._person)
        assert await client.shown() == items
        sizes.add(len(items))
    assert max(sizes) > 2


async def test_the_comparison_detects_items_that_are_not_sent(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not fail otherwise."""
    changes = await prepare(start, monkeypatch, seed=3)
    nothing = Statement(room_lists._USER_EVENTS.query.where(UserEventRow.seq < 0))  # type: ignore[attr-defined]
    monkeypatch.setattr(room_lists, "_USER_EVENTS", nothing)
    client = Client(changes._person)
    await client.come_back()
    await changes.apply(30)
    await client.come_back()
    assert await client.shown() != await read_items(changes._person)
