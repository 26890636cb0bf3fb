"""Lists of rooms: what a long backlog costs, and what a reconnect with many rooms costs."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update

from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import Member, Room
from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, ratio_metric
from bench.client import (
    CHAT,
    CHAT_LISTED,
    LoadClient,
    abort_all,
    check_connected,
    connect_all,
    connect_one,
    message_frame,
)
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, fill_room, open_connection, seed_database

MESSAGES_PER_S = 5
ROOMS_PER_FRAME = 20
FEW, MANY, BACKLOGS = 3, 1500, 300


@dataclass(frozen=True)
class Lists:
    """The first room has all of `members`, who read elsewhere, and one sender."""

    settings: Settings
    sender: SeededUser
    members: Sequence[SeededUser]
    reader: SeededUser  # of BACKLOGS rooms, all of them read
    absent: SeededUser  # of the same rooms, none of them read
    few: SeededUser  # of FEW rooms, which have changed
    many: SeededUser  # of MANY rooms, of which FEW have changed
    room: UUID
    messages: int


@asynccontextmanager
async def lists(env: BenchEnvironment) -> AsyncIterator[Lists]:
    member_count = env.scale(1000, 50)
    messages, backlog = env.scale(100_000, 3000), env.scale(2000, 1200)
    backlogs, many = env.scale(BACKLOGS, 20), env.scale(MANY, 40)
    first = 1 + member_count  # the first of the others
    rooms_of = {
        first: range(1, 1 + backlogs),
        first + 1: range(1, 1 + backlogs),
        first + 2: range(1, 1 + FEW),
        first + 3: range(1, 1 + many),
    }
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        users, rooms = await seed_database(
            settings, first + 4, 1 + many, lambda user: rooms_of.get(user, [0])
        )
        await fill_room(settings, rooms[0], users[0].id, messages, env.texts)
        for room in rooms[1 : 1 + backlogs]:
            await fill_room(settings, room, users[first + 1].id, backlog, env.texts)
        reader, absent, few, many_rooms = users[first:]
        await _set_markers(settings, [reader, few, many_rooms], backlog)
        yield Lists(
            settings,
            users[0],
            users[1:first],
            *(reader, absent, few, many_rooms),
            room=rooms[0],
            messages=messages,
        )


async def _set_markers(settings: Settings, users: Sequence[SeededUser], seq: int) -> None:
    async with open_connection(settings) as connection:
        ids = [user.id for user in users]
        await connection.execute(update(Member).where(Member.user_id.in_(ids)).values(read_seq=seq))


_numbers = itertools.count()


def measure_room(*, is_read: bool) -> Callable[[BenchEnvironment, Lists], Awaitable[Sample]]:
    """Members that have the room closed get its counts, five seconds apart."""

    async def run(env: BenchEnvironment, data: Lists) -> Sample:
        head = data.messages + 10**6 if is_read else 0
        await _set_markers(data.settings, data.members, head)
        clients = [LoadClient(CHAT_LISTED, user.hello()) for user in data.members]
        sender = LoadClient(CHAT, data.sender.hello([data.room]))
        duration_s = env.scale(20, 6)
        async with env.chat_server(data.settings) as server:
            try:
                await connect_all([*clients, sender], server.port)
                for client in clients:
                    client.kept_prefix = CHAT_LISTED.ready_prefix
                with env.metered(server) as usage:
                    for _ in range(duration_s * MESSAGES_PER_S):
                        number = next(_numbers)
                        sender.send(message_frame(str(data.room), number, env.text(number)))
                        await asyncio.sleep(1 / MESSAGES_PER_S)
                check_connected([*clients, sender])
                updates = sum(len(client.kept_frames) for client in clients)
            finally:
                abort_all([*clients, sender])
        return usage | {
            "updates_per_s": updates / usage["seconds"],
            "cpu_us_per_update": (usage["server_cpu_s"] + usage["database_cpu_s"]) / updates * 1e6,
            "expected": 1.0,
            "received": float(updates > 0),
        }

    return run


def measure_hello(
    choose_user: Callable[[Lists], SeededUser], *, with_snapshot: bool = False
) -> Callable[[BenchEnvironment, Lists], Awaitable[Sample]]:
    """One hello after the other."""

    async def run(env: BenchEnvironment, data: Lists) -> Sample:
        user = choose_user(data)
        count = env.scale(200, 20)
        async with env.chat_server(data.settings) as server:
            frames = -(-len(user.rooms) // ROOMS_PER_FRAME)
            hello = user.hello()
            if with_snapshot:
                hello = user.hello(snapshot=await _snapshot(user, server.port, frames))
                await _touch(data.settings, user.rooms[:FEW])
                frames = 1
            await _repeat(hello, frames, count // 10, server.port)
            with env.metered(server) as usage:
                await _repeat(hello, frames, count, server.port)
        return usage | {
            "cpu_us_per_hello": (usage["server_cpu_s"] + usage["database_cpu_s"]) / count * 1e6,
            "ms_per_hello": usage["seconds"] / count * 1000,
            "expected": 1.0,
            "received": 1.0,
        }

    return run


async def _repeat(hello: bytes, frames: int, count: int, port: int) -> None:
    for number in range(count):
        client = LoadClient(CHAT_LISTED, hello, frames)
        await connect_one(client, number, port)
        client.abort()


async def _snapshot(user: SeededUser, port: int, frames: int) -> str:
    client = LoadClient(CHAT_LISTED, user.hello(), frames)
    client.kept_prefix = CHAT_LISTED.ready_prefix
    await connect_one(client, 0, port)
    client.abort()
    return str(client.kept_frames[-1]["snapshot"])


async def _touch(settings: Settings, rooms: Sequence[UUID]) -> None:
    """The rooms have changed after every snapshot."""
    async with open_connection(settings) as connection:
        changed = update(Room).where(Room.id.in_(rooms))
        await connection.execute(changed.values(changed_at=DatabaseNow()))


def metrics(samples: Samples) -> list[Metric]:
    def ratio(
        label: str, key: str, numerator: str, denominator: str, target: float
    ) -> list[Metric]:
        return ratio_metric(
            label, samples, key, numerator, denominator, target=target, lower_is_better=True
        )

    return [
        *ratio(
            "1,000 members with 100,000 unread each, 5 messages a second: CPU of an update, ÷ with "
            "nothing unread",
            "cpu_us_per_update",
            "unread",
            "read",
            1.3,
        ),
        *ratio(
            "hello of a person with 300 backlogs: CPU, ÷ with nothing unread",
            "cpu_us_per_hello",
            "hello-backlogs",
            "hello-read",
            1.3,
        ),
        *ratio(
            "reconnect of a person with 1,500 rooms of which 3 changed: CPU, ÷ with 3 rooms",
            "cpu_us_per_hello",
            "reconnect-many",
            "reconnect-few",
            2.0,
        ),
    ]


BENCHMARK = Benchmark(
    name="room_lists",
    title="Lists of rooms",
    about=(
        "1,000 members are connected and have a room closed that gets five messages a second; all "
        "have read it, or are 100,000 messages behind. A person says hello with 300 rooms, all "
        "read, or 2,000 messages behind in each. A person with 3 rooms, or with 1,500, comes back "
        "with a snapshot since which three rooms have changed. CPU is that of the server and of "
        "the database together."
    ),
    variants=[
        Variant("read", "1,000 members, nothing unread", measure_room(is_read=True)),
        Variant("unread", "1,000 members, 100,000 unread", measure_room(is_read=False)),
        Variant(
            "hello-read", "hello, 300 rooms, nothing unread", measure_hello(lambda d: d.reader)
        ),
        Variant("hello-backlogs", "hello, 300 backlogs", measure_hello(lambda d: d.absent)),
        Variant(
            "reconnect-few",
            "back with 3 rooms, all changed",
            measure_hello(lambda d: d.few, with_snapshot=True),
        ),
        Variant(
            "reconnect-many",
            "back with 1,500 rooms, 3 changed",
            measure_hello(lambda d: d.many, with_snapshot=True),
        ),
    ],
    columns=[
        Column("cpu_us_per_update", "CPU of an update, µs"),
        Column("updates_per_s", "updates per second"),
        Column("cpu_us_per_hello", "CPU of a hello, µs"),
        Column("ms_per_hello", "ms per hello"),
    ],
    metrics=metrics,
    setup=lists,
)
