"""Users of the server in tests, with their tokens and the most frequent requests."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from testkit.answers import assert_ok

# The same in every process: names of parametrised tests must be.
UNKNOWN_ID = "0190e6b0-0000-7000-8000-000000000000"

API = "/api/v1"


@dataclass(frozen=True)
class Person:
    """Paths are relative to /api/v1."""

    http: httpx.AsyncClient
    id: str
    username: str
    access: str
    refresh: str
    session: str

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access}"} | options.pop("headers", {})
        return await self.http.request(method, f"{API}{path}", headers=headers, **options)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.call("GET", path, params=query)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.call("POST", path, json=body)

    async def put(self, path: str, **body: Any) -> httpx.Response:
        return await self.call("PUT", path, json=body)

    async def patch(self, path: str, **body: Any) -> httpx.Response:
        return await self.call("PATCH", path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.call("DELETE", path)

    async def makes_room(
        self, kind: str = "public", *members: "Person", name: str | None = "A room"
    ) -> str:
        """Create a room with these members and return its id."""
        body: dict[str, Any] = {"kind": kind, "members": [person.id for person in members]}
        if kind in {"public", "private"}:
            body["name"] = name
        room: str = assert_ok(await self.post("/rooms", **body), 201)["id"]
        return room

    async def sends(
        self, room: str, text: str = "hello", nonce: str | None = None, **more: Any
    ) -> httpx.Response:
        return await self.post(
            f"/rooms/{room}/messages", nonce=nonce or uuid4().hex, text=text, **more
        )

    async def says(self, room: str, *texts: str) -> list[int]:
        """Send messages and return their seqs."""
        return [assert_ok(await self.sends(room, text), 201)["seq"] for text in texts]

    async def makes_group(self, handle: str, *members: "Person") -> str:
        """As an administrator of the server, create a user group with these members."""
        group: str = assert_ok(await self.post("/groups", handle=handle), 201)["id"]
        for person in members:
            assert_ok(await self.put(f"/groups/{group}/members/{person.id}"), 204)
        return group

    async def log(self, room: str) -> list[dict[str, Any]]:
        """The whole log of a room."""
        events: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = assert_ok(await self.get(f"/rooms/{room}/events", after=after))
            events += page["items"]
            after = page["next"]
        return events

    async def room(self, room: str) -> dict[str, Any]:
        found: dict[str, Any] = assert_ok(await self.get(f"/rooms/{room}"))
        return found


async def all_pages(person: Person, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list with a cursor."""
    pages = []
    cursor: dict[str, str] = {}
    while True:
        page = assert_ok(await person.get(path, **query, **cursor))
        pages.append(page["items"])
        if page["next"] is None:
            return pages
        cursor = {"cursor": page["next"]}


def ids(people: Iterable[Person]) -> list[str]:
    return [person.id for person in people]
