"""A room of one kind with a person of each standing, and the objects that requests are about."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.wire.domain import Permission, Role, RoomKind
from testkit.answers import assert_ok
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer
from tests.authorization.standings import (
    PAST_MEMBERS,
    ROLES,
    Place,
    Standing,
    holds,
    list_standings,
)

FUTURE = "2100-01-01T00:00:00Z"
SPARE_OBJECTS = 3  # of each person: one stays, the others are for requests that use one up
POLL = {"options": ["yes", "no"], "may_add": True}


# Seqs by room and the id of the sender.
Objects = dict[tuple[str, str], list[int]]


@dataclass
class Stage:
    """`founder` owns the room and whatever belongs to somebody else; `target` is a guest, and
    `stray` a user without a room. A direct room has two members only: there is one for each
    standing of the other one."""

    server: TestServer
    http: httpx.AsyncClient
    place: Place
    people: dict[Standing, Person]
    founder: Person
    target: Person
    stray: Person
    askers: list[Person]  # they ask to join, if the room is private
    room: str = ""
    direct_rooms: dict[Standing, str] = field(default_factory=dict)
    lobby: str = ""  # a public room, of which all are members
    lobby_message: int = 0
    invite: dict[str, Any] = field(default_factory=dict)
    filter_rule: str = UNKNOWN_ID
    messages: Objects = field(default_factory=dict)
    polls: Objects = field(default_factory=dict)

    def find_room(self, standing: Standing) -> str:
        return self.direct_rooms.get(standing, self.room)

    async def new_person(self) -> Person:
        return await self.server.person(self.http, "somebody")

    async def new_member(self) -> Person:
        """A guest of the room that nothing else needs."""
        person = await self.new_person()
        await self._add(person)
        await self._set_role(person, Role.GUEST)
        return person

    async def take_asker(self) -> Person:
        """Asks to join the room, and nothing else needs them."""
        if self.place.kind is not RoomKind.PRIVATE:
            return self.askers[0]
        if self.place.archived:
            return self.askers.pop()
        person = await self.new_person()
        assert_ok(await person.post(f"/rooms/{self.room}/join-requests"), 201)
        return person

    async def arrange(self) -> None:
        """Everybody has the standing that they should have, whatever was done before."""
        if self.place.kind is RoomKind.DIRECT:
            return
        await self._change(archived=False)
        pages = await all_pages(self.founder, f"/rooms/{self.room}/members")
        present = {item["user"]["id"]: item["role"] for page in pages for item in page}
        intended = {self.people[standing].id: role for standing, role in ROLES.items()}
        intended[self.target.id] = Role.GUEST
        for person in [*self.people.values(), self.target]:
            role = intended.get(person.id)
            if role is None and person.id in present:
                path = f"/rooms/{self.room}/members/{person.id}"
                assert_ok(await self.founder.delete(path), 204)
            elif role and person.id not in present:
                await self._add(person)
                await self._set_role(person, role)
            elif role and present[person.id] != role:
                await self._set_role(person, role)
        await self._change(settings={"announcement": self.place.announcement})
        if self.place.archived:
            await self._change(archived=True)

    async def sanction(self) -> None:
        """Once: both stay when their user goes and comes."""
        banned, timed_out = self.people[Standing.BANNED], self.people[Standing.TIMED_OUT]
        room = f"/rooms/{self.room}"
        assert_ok(await self.founder.put(f"{room}/bans/{banned.id}"))
        assert_ok(await self.founder.put(f"{room}/time-outs/{timed_out.id}", until=FUTURE))

    def may(self, permission: Permission, standing: Standing) -> bool:
        return not self.place.archived and holds(permission, self.place, standing)

    async def _change(self, **fields: Any) -> None:
        assert_ok(await self.founder.patch(f"/rooms/{self.room}", **fields))

    async def _add(self, person: Person) -> None:
        assert_ok(await self.founder.post(f"/rooms/{self.room}/members", users=[person.id]))

    async def _set_role(self, person: Person, role: Role) -> None:
        path = f"/rooms/{self.room}/members/{person.id}"
        assert_ok(await self.founder.patch(path, role=role))


async def make_stage(server: TestServer, http: httpx.AsyncClient, place: Place) -> Stage:
    people = {
        standing: await (
            server.administrator(http)
            if standing is Standing.SERVER_ADMINISTRATOR
            else server.person(http, standing.value.replace("_", ""))
        )
        for standing in list_standings(place)
    }
    founder, target, stray, *askers = await server.people(
        http, *("founder", "target", "stray"), *["asker"] * SPARE_OBJECTS
    )
    stage = Stage(server, http, place, people, founder, target, stray, askers)
    stage.lobby = await founder.makes_room("public", *people.values())
    [stage.lobby_message] = await founder.says(stage.lobby, "hello")
    administrator = people[Standing.SERVER_ADMINISTRATOR]
    assert_ok(await administrator.put(f"/users/{people[Standing.SUSPENDED].id}/ban"))
    await _make_room(stage)
    return stage


async def _make_room(stage: Stage) -> None:
    """First all are members, so that also those who are not any more have written something."""
    place, founder = stage.place, stage.founder
    blocked = stage.people[Standing.BLOCKED]
    members = {
        standing: person
        for standing, person in stage.people.items()
        if standing in ROLES or standing in PAST_MEMBERS
    }
    if place.kind is RoomKind.DIRECT:
        await _make_direct_rooms(stage, members)
    else:
        stage.room = await founder.makes_room(place.kind, *members.values(), stage.target)
        await asyncio.gather(
            *(_write(stage, stage.room, person) for person in [founder, *members.values()])
        )
        await _make_objects(stage)
    assert_ok(await founder.put(f"/users/me/blocks/{blocked.id}"))
    await stage.arrange()


async def _make_direct_rooms(stage: Stage, members: dict[Standing, Person]) -> None:
    stage.invite = {"id": UNKNOWN_ID, "code": "none"}
    for standing, person in members.items():
        room = await stage.founder.makes_room(RoomKind.DIRECT, person)
        stage.direct_rooms[standing] = room
        await asyncio.gather(*(_write(stage, room, sender) for sender in (stage.founder, person)))
    stage.room = stage.direct_rooms[Standing.MEMBER]


async def _make_objects(stage: Stage) -> None:
    """What belongs to the room, and what it has against its members."""
    founder, room = stage.founder, f"/rooms/{stage.room}"
    stage.invite = assert_ok(await founder.post(f"{room}/invites"), 201)
    rule = {"kind": "word", "expression": "unheard of", "action": "refuse"}
    stage.filter_rule = assert_ok(await founder.post(f"{room}/filters", **rule), 201)["id"]
    if stage.place.kind is RoomKind.PRIVATE:
        assert_ok(await founder.patch(room, settings={"join_requests": True}))
        for asker in stage.askers:
            assert_ok(await asker.post(f"{room}/join-requests"), 201)
    await stage.sanction()


async def _write(stage: Stage, room: str, person: Person) -> None:
    texts = [f"{number} of {person.username}" for number in range(SPARE_OBJECTS)]
    stage.messages[room, person.id] = await person.says(room, *texts)
    stage.polls[room, person.id] = [
        assert_ok(await person.sends(room, text, poll=POLL), 201)["seq"] for text in texts
    ]
