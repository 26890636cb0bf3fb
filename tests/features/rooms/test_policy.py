"""Permissions over HTTP: every kind of room, every role and every permission.

The table is written a second time here, so that a mistake in app/rooms/policy.py shows.
"""

from collections.abc import Awaitable, Callable
from itertools import product
from uuid import uuid4

import httpx
import pytest

from app.rooms.policy import RULES
from app.wire.domain import Permission, Role, RoomKind
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer

# o(wner), a(dmin), (moderato)r, m(ember), g(uest), s(erver administrator who is no member),
# n(obody: no member)
MAY: dict[str, dict[str, str]] = {
    "read": {"public": "oarmg", "private": "oarmg", "group": "oarmg", "direct": "m"},
    "send": {"public": "oarmg", "private": "oarmg", "group": "oarmg", "direct": "m"},
    "send_in_threads": {"public": "oarmg", "private": "oarmg", "group": "oarmg", "direct": "m"},
    "react": {"public": "oarmg", "private": "oarmg", "group": "oarmg", "direct": "m"},
    "pin": {"public": "oar", "private": "oar", "group": "oarm", "direct": "m"},
    "moderate": {"public": "oar", "private": "oar", "group": "oar", "direct": ""},
    "time_out": {"public": "oars", "private": "oar", "group": "oar", "direct": ""},
    "create_polls": {"public": "oarm", "private": "oarm", "group": "oarm", "direct": "m"},
    "add": {"public": "oarms", "private": "oa", "group": "oarm", "direct": ""},
    "remove": {"public": "oars", "private": "oar", "group": "oar", "direct": ""},
    "set_role": {"public": "os", "private": "o", "group": "o", "direct": ""},
    "manage_permissions": {"public": "oas", "private": "oa", "group": "oa", "direct": ""},
    "edit": {"public": "oas", "private": "oa", "group": "oarm", "direct": ""},
    "view_audit_log": {"public": "oas", "private": "oa", "group": "oa", "direct": ""},
    "archive": {"public": "os", "private": "o", "group": "o", "direct": ""},
    "delete": {"public": "os", "private": "o", "group": "o", "direct": ""},
    "mention_all": {"public": "oar", "private": "oar", "group": "oarm", "direct": "m"},
    "leave": {"public": "oarmg", "private": "oarmg", "group": "oarmg", "direct": ""},
}
ROLES = {
    "o": "owner",
    "a": "admin",
    "r": "moderator",
    "m": "member",
    "g": "guest",
    "s": "server",
    "n": "nobody",
}
KINDS = ["public", "private", "group", "direct"]


class Scene:
    """A room, a user with a role, and all requests that need a permission."""

    def __init__(self, server: TestServer, http: httpx.AsyncClient) -> None:
        self._server, self._http = server, http

    async def set(self, kind: str, role: str) -> None:
        server, http = self._server, self._http
        self.kind, self.role = kind, role
        self.founder, self.target, self.outsider = await server.people(
            http, "founder", "target", "outsider"
        )
        self.actor = (
            await server.administrator(http)
            if role == "server"
            else await server.person(http, role)
        )
        if kind == "direct":
            other = self.outsider if role in {"server", "nobody"} else self.actor
            self.room = await self.founder.makes_room(kind, other)
            return
        inside = [] if role in {"server", "nobody"} else [self.actor]
        self.room = await self.founder.makes_room(kind, self.target, *inside)
        if role in {"owner", "admin", "moderator", "guest"}:
            path = f"/rooms/{self.room}/members/{self.actor.id}"
            assert_ok(await self.founder.patch(path, role=role))

    async def send(self) -> httpx.Response:
        return await self.actor.sends(self.room)

    async def manage_permissions(self) -> httpx.Response:
        path = f"/rooms/{self.room}/permissions/users/{self.target.id}"
        return await self.actor.put(path, deny=["create_polls"])

    async def create_polls(self) -> httpx.Response:
        return await self.actor.sends(self.room, poll={"options": ["yes", "no"]})

    async def add(self) -> httpx.Response:
        return await self.actor.post(f"/rooms/{self.room}/members", users=[self.outsider.id])

    async def remove(self) -> httpx.Response:
        return await self.actor.delete(f"/rooms/{self.room}/members/{self.target.id}")

    async def set_role(self) -> httpx.Response:
        path = f"/rooms/{self.room}/members/{self.target.id}"
        return await self.actor.patch(path, role="admin")

    async def edit(self) -> httpx.Response:
        return await self.actor.patch(f"/rooms/{self.room}", topic=f"by {self.role}")

    async def archive(self) -> httpx.Response:
        return await self.actor.delete(f"/rooms/{self.room}")

    async def leave(self) -> httpx.Response:
        return await self.actor.post(f"/rooms/{self.room}/leave")

    async def restore(self) -> httpx.Response:
        return await self.actor.patch(f"/rooms/{self.room}", archived=False)


@pytest.fixture
def scene(server: TestServer, http: httpx.AsyncClient) -> Scene:
    return Scene(server, http)


# Nobody owns a direct room, and it has no admin.
@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (kind, role)
        for kind in KINDS
        for role in ROLES.values()
        if kind != "direct" or role in {"member", "server", "nobody"}
    ],
)
async def test_each_role_has_its_permissions(scene: Scene, kind: str, role: str) -> None:
    """First the refused requests, which change nothing, then the others."""
    await scene.set(kind, role)
    tries: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
        "send": scene.send,
        "create_polls": scene.create_polls,
        "manage_permissions": scene.manage_permissions,
        "edit": scene.edit,
        "add": scene.add,
        "set_role": scene.set_role,
        "remove": scene.remove,
        "archive": scene.archive,
        "leave": scene.leave,
    }
    letter = next(letter for letter, name in ROLES.items() if name == role)
    allowed = [name for name in tries if letter in MAY[name][kind]]
    # Those who may not know of the room are told that there is none.
    knows = kind == "public" or role not in {"server", "nobody"}
    before = await scene.founder.log(scene.room)
    for name in tries.keys() - allowed:
        assert_problem(await tries[name](), "forbidden" if knows else "not_found")
    assert await scene.founder.log(scene.room) == before
    for name in allowed:
        answer = await tries[name]()
        assert answer.status_code in {200, 201, 204}, (name, answer.text)
    assert len(await scene.founder.log(scene.room)) == len(before) + len(allowed)


async def test_the_expected_permissions_equal_the_policy() -> None:
    assert MAY.keys() == {permission.name.lower() for permission in Permission}
    assert set(KINDS) == set(RoomKind)
    assert set(Role) <= set(ROLES.values())
    for permission, kind in product(Permission, RoomKind):
        letters = MAY[permission.name.lower()][kind]
        roles = {Role(ROLES[letter]) for letter in letters if letter in "oarmg"}
        if kind is RoomKind.DIRECT:  # which has neither owners nor admins
            roles, allowed = roles & {Role.MEMBER}, RULES[permission].roles[kind] & {Role.MEMBER}
        else:
            allowed = RULES[permission].roles[kind]
        assert roles == allowed, (kind, permission)


@pytest.mark.parametrize("kind", ["public", "private", "group"])
async def test_only_owners_restore_a_room(scene: Scene, kind: str) -> None:
    await scene.set(kind, "admin")
    assert_ok(await scene.founder.delete(f"/rooms/{scene.room}"), 204)
    assert_problem(await scene.restore(), "forbidden")
    assert (await scene.founder.room(scene.room))["archived"]
    assert_ok(await scene.founder.patch(f"/rooms/{scene.room}", archived=False))
    assert not (await scene.actor.room(scene.room))["archived"]


@pytest.mark.parametrize(
    ("remover", "target", "may"),
    [
        *[("owner", other, True) for other in Role],
        *[("admin", other, other not in {"owner", "admin"}) for other in Role],
        *[("moderator", other, other in {"member", "guest"}) for other in Role],
    ],
)
async def test_members_with_equal_or_higher_roles_are_removed_by_owners_only(
    server: TestServer, http: httpx.AsyncClient, remover: str, target: str, *, may: bool
) -> None:
    founder, actor, victim = await server.people(http, "founder", "actor", "victim")
    room = await founder.makes_room("private", actor, victim)
    for person, role in ((actor, remover), (victim, target)):
        assert_ok(await founder.patch(f"/rooms/{room}/members/{person.id}", role=role))
    answer = await actor.delete(f"/rooms/{room}/members/{victim.id}")
    if may:
        assert_ok(answer, 204)
        assert_problem(await victim.get(f"/rooms/{room}"), "not_found")
    else:
        assert_problem(answer, "forbidden")
        assert_ok(await victim.get(f"/rooms/{room}"))


async def test_users_cannot_remove_themselves(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("group", bob)
    for person in (ada, bob):
        assert_problem(await person.delete(f"/rooms/{room}/members/{person.id}"), "forbidden")


async def test_unknown_members_cannot_be_changed(ada: Person, eve: Person) -> None:
    room = await ada.makes_room("private")
    for user in (eve.id, str(uuid4())):
        assert_problem(await ada.delete(f"/rooms/{room}/members/{user}"), "not_found")
        assert_problem(await ada.patch(f"/rooms/{room}/members/{user}", role="admin"), "not_found")
