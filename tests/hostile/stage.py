"""The server whose costs are measured, and its data."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from app.limit_settings import Limits
from testkit.answers import assert_ok
from testkit.people import UNKNOWN_ID
from testkit.processes import ServerProcess
from tests.hostile.meter import Act, Meter
from tests.hostile.requests import Request
from tests.hostile.routes import Route

MAX_S = 0.05
# Of what is four times as large. Linear is 4, quadratic is 16.
MAX_GROWTH = 8
# What costs less at its largest needs no look at how it grows: a request without any input costs
# half of it on a busy machine.
CHEAP_S = 0.010
FLOOR_S = 0.002  # less than this is noise
ATTEMPTS = 20
TEXT_CHARS = Limits().text_chars
MAX_POLL_OPTIONS = Limits().max_poll_options
PASSWORD = "correct horse battery"
MANY = 100

# The rooms, by number, of routes that take from others what they measure; all others use the first.
ROOMS = {"DELETE /api/v1/rooms/{room_id}": 1, "POST /api/v1/rooms/{room_id}/deletions": 2}

Make = Callable[[int], bytes]  # an input of a size
numbers = itertools.count()


@dataclass
class Stage:
    """A server process with so much data that each page is full."""

    process: ServerProcess
    http: httpx.AsyncClient
    meter: Meter
    token: str = ""
    session: str = UNKNOWN_ID
    users: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)  # the first has messages
    poll: int = 0  # seq in the first room: with as many options and votes as a page has
    # Each has space for one option.
    further_polls: Iterator[int] = field(default_factory=lambda: itertools.repeat(0))
    costs: dict[str, float] = field(default_factory=dict)

    async def populate(self) -> None:
        for number in range(MANY):
            account = {"username": f"user{number}", "password": PASSWORD}
            made = await self.http.post("/auth/register", json=account)
            self.users.append(assert_ok(made, 201)["id"])
        form = {"grant_type": "password", "username": "user0", "password": PASSWORD}
        self.token = assert_ok(await self.http.post("/auth/token", data=form))["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        for number in range(MANY):
            spec = {"kind": "public", "name": f"{number:064}", "topic": "😀" * 500}
            self.rooms.append(assert_ok(await self.http.post("/rooms", json=spec), 201)["id"])
        for room, text in ((self.rooms[0], "😀" * TEXT_CHARS), (self.rooms[2], "short")):
            for _ in range(MANY):
                body = message(text)
                assert_ok(await self.http.post(f"/rooms/{room}/messages", json=body), 201)
        users = {"users": self.users}
        assert_ok(await self.http.post(f"/rooms/{self.rooms[0]}/members", json=users))
        await self._populate_polls()

    async def _populate_polls(self) -> None:
        """Of others than the user who deletes all of their own messages."""
        logins = [await self._log_in(number) for number in range(1, MANY // MAX_POLL_OPTIONS + 1)]
        self.poll = await self._add_poll(MAX_POLL_OPTIONS, logins[0])
        path = f"/rooms/{self.rooms[0]}/messages/{self.poll}/vote"
        body = {"options": list(range(1, MAX_POLL_OPTIONS + 1))}
        for headers in logins:
            assert_ok(await self.http.put(path, json=body, headers=headers))
        space = MAX_POLL_OPTIONS - 1
        further = [await self._add_poll(space, logins[0]) for _ in range(2 * ATTEMPTS)]
        self.further_polls = itertools.cycle(further)

    async def _log_in(self, number: int) -> dict[str, str]:
        """Headers of another user."""
        form = {"grant_type": "password", "username": f"user{number}", "password": PASSWORD}
        token = assert_ok(await self.http.post("/auth/token", data=form))["access_token"]
        return {"Authorization": f"Bearer {token}"}

    async def _add_poll(self, options: int, headers: dict[str, str]) -> int:
        texts = [f"{number:0200}" for number in range(options)]
        body = message("?") | {"poll": {"options": texts, "multiple": True, "may_add": True}}
        path = f"/rooms/{self.rooms[0]}/messages"
        seq: int = assert_ok(await self.http.post(path, json=body, headers=headers), 201)["seq"]
        return seq

    def path(self, route: Route) -> str:
        unknown = (
            *("session_id", "group_id", "scheduled_id", "reminder_id", "invite_id"),
            *("report_id", "rule_id"),
        )
        ids = dict.fromkeys(unknown, UNKNOWN_ID)
        room_id = self.rooms[ROOMS.get(route.name, 0)]
        ids |= {"room_id": room_id, "user_id": self.users[1], "emoji": quote("🎉")}
        ids |= {"role": "guest", "code": "x" * 64}
        return route.path.format(**ids, seq=self._seq(route.path.rpartition("/")[2]))

    def _seq(self, end: str) -> int:
        """Of the message for a path with this end."""
        if end in ("options", "close"):
            return next(self.further_polls)
        return self.poll if end in ("vote", "votes") else MANY

    def request(self, route: Route) -> Request:
        query = "limit=100" if route.method == "GET" else ""
        return Request(route.method, self.path(route), self.token, query=query)

    async def check(self, name: str, make: Make, size: int, run: Callable[[bytes], Act]) -> None:
        """Measure an input of this size, and how the cost grows up to it."""
        whole = quarter = base = float("inf")
        for _ in range(ATTEMPTS):
            whole = min(whole, await self.meter.cost_s(run(make(size))))
            self.costs[name] = whole
            if whole <= CHEAP_S:
                return
            quarter = min(quarter, await self.meter.cost_s(run(make(size // 4))))
            base = min(base, await self.meter.cost_s(run(make(0))))
            growth = (whole - base) / max(quarter - base, FLOOR_S)
            if whole <= MAX_S and growth <= MAX_GROWTH:
                return
        raise AssertionError(
            f"{name}: {whole * 1000:.1f} ms for {size} bytes, {quarter * 1000:.1f} for a quarter "
            f"of it, {base * 1000:.1f} for nothing"
        )

    async def check_cost(self, name: str, act: Act) -> None:
        """Of what does not grow with its size, but with what it finds."""
        cost = float("inf")
        for _ in range(ATTEMPTS):
            cost = min(cost, await self.meter.cost_s(act))
            self.costs[name] = max(cost, self.costs.get(name, 0.0))
            if cost <= MAX_S:
                return
        raise AssertionError(f"{name}: {cost * 1000:.1f} ms")


def message(text: str) -> dict[str, str]:
    return {"nonce": f"n{next(numbers)}", "text": text}
