"""What a room costs by the number of its members: joining, leaving, roles, members, permissions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
from sqlalchemy import update

from app.persistence.tables import Member
from app.settings import Settings
from app.wire.domain import Role
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, ratio_metric
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, open_connection, seed_database
from testkit.waiting import LIMIT_S

FEW, MANY = 100, 100_000
PAGE_SIZE = 50
TARGET = 1.2


@dataclass(frozen=True)
class TwoRooms:
    """A room with few members and one with many, who are all others but the newcomer."""

    settings: Settings
    owner: SeededUser
    member: SeededUser
    newcomer: SeededUser
    rooms: dict[str, UUID]  # by size: `few` and `many`


@asynccontextmanager
async def two_rooms(env: BenchEnvironment) -> AsyncIterator[TwoRooms]:
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        users, rooms = await seed_database(
            settings, MANY + 1, 2, lambda user: () if user == MANY else range(2)[user >= FEW :]
        )
        async with open_connection(settings) as connection:
            owns = update(Member).where(Member.user_id == users[0].id)
            await connection.execute(owns.values(role=Role.OWNER))
        sizes = dict(zip(("few", "many"), rooms, strict=True))
        yield TwoRooms(settings, users[0], users[1], users[-1], sizes)


class Caller:
    """Requests of one user, one after the other."""

    def __init__(self, http: httpx.AsyncClient, user: SeededUser) -> None:
        self._http, self._headers = http, {"Authorization": f"Bearer {user.token}"}

    async def call(self, method: str, path: str, **body: object) -> httpx.Response:
        answer = await self._http.request(method, path, headers=self._headers, json=body or None)
        return answer.raise_for_status()


# Calls an operation in a room once, the one with this number.
Operation = Callable[[httpx.AsyncClient, TwoRooms, UUID, int], Awaitable[None]]


async def join_and_leave(http: httpx.AsyncClient, data: TwoRooms, room: UUID, _number: int) -> None:
    newcomer = Caller(http, data.newcomer)
    await newcomer.call("POST", f"/rooms/{room}/join")
    await newcomer.call("POST", f"/rooms/{room}/leave")


async def change_role(http: httpx.AsyncClient, data: TwoRooms, room: UUID, number: int) -> None:
    role = (Role.MODERATOR, Role.MEMBER)[number % 2]
    path = f"/rooms/{room}/members/{data.member.id}"
    await Caller(http, data.owner).call("PATCH", path, role=role)


async def list_members(http: httpx.AsyncClient, data: TwoRooms, room: UUID, _number: int) -> None:
    """The first page, and the second."""
    member, path = Caller(http, data.member), f"/rooms/{room}/members?limit={PAGE_SIZE}"
    page = (await member.call("GET", path)).json()
    page = (await member.call("GET", f"{path}&cursor={page['next']}")).json()
    assert len(page["items"]) == PAGE_SIZE


async def set_permissions(http: httpx.AsyncClient, data: TwoRooms, room: UUID, number: int) -> None:
    """Of a role, and those of a member as they are then."""
    path = f"/rooms/{room}/permissions/roles/guest"
    await Caller(http, data.owner).call("PUT", path, deny=[("send", "react")[number % 2]])
    await Caller(http, data.member).call("GET", f"/rooms/{room}")


OPERATIONS: dict[str, tuple[str, Operation]] = {
    "join": ("joining and leaving", join_and_leave),
    "role": ("change of a role", change_role),
    "members": ("two pages of members", list_members),
    "permissions": ("change of permissions", set_permissions),
}
SIZES = {"few": f"{FEW} members", "many": "100,000 members"}


def measure(
    operation: Operation, size: str
) -> Callable[[BenchEnvironment, TwoRooms], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, data: TwoRooms) -> Sample:
        count, room = env.scale(400, 60), data.rooms[size]
        async with (
            env.chat_server(data.settings) as server,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}/api/v1", timeout=LIMIT_S
            ) as http,
        ):
            for number in range(count // 10 * 2):
                await operation(http, data, room, number)
            with env.metered(server) as usage:
                for number in range(count):
                    await operation(http, data, room, number)
        cpu_s = usage["server_cpu_s"] + usage["database_cpu_s"]
        return usage | {
            "cpu_us": cpu_s / count * 1e6,
            "ms": usage["seconds"] / count * 1000,
            "expected": float(count),
            "received": float(count),
        }

    return run


def metrics(samples: Samples) -> list[Metric]:
    return [
        metric
        for name, (title, _) in OPERATIONS.items()
        for metric in ratio_metric(
            f"{title} in a room with 100,000 members: CPU, ÷ with {FEW}",
            samples,
            "cpu_us",
            f"{name}-many",
            f"{name}-few",
            target=TARGET,
            lower_is_better=True,
        )
    ]


BENCHMARK = Benchmark(
    name="room_size",
    title="Rooms with many members",
    about=(
        f"The same requests, one after the other, in a room with {FEW} members and in one with "
        "100,000. CPU is that of the server and of the database together."
    ),
    variants=[
        Variant(f"{name}-{size}", f"{title}, {members}", measure(operation, size))
        for name, (title, operation) in OPERATIONS.items()
        for size, members in SIZES.items()
    ],
    columns=[Column("cpu_us", "CPU, µs"), Column("ms", "ms")],
    metrics=metrics,
    setup=two_rooms,
)
