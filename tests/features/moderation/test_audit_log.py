"""The audit log: what it says, who reads it, filters and pages."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import now
from app.core.ids import first_id
from app.moderation import service
from app.persistence.moderation_tables import AuditRow
from app.persistence.uow import UnitOfWork
from app.users import expiry
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually

UNTIL = "2100-01-01T00:00:00Z"


async def acts(person: Person, room: str, **query: Any) -> list[dict[str, Any]]:
    """Of a room, the oldest first."""
    page = assert_ok(await person.get(f"/rooms/{room}/audit-log", **query))
    entries: list[dict[str, Any]] = page["items"]
    return entries[::-1]


async def test_what_a_moderator_does_is_recorded_with_target_and_reason(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    [first, second] = await eve.says(room, "secret pills", "more secret pills")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{first}"))
    assert_ok(await bob.put(f"/rooms/{room}/threads/{second}/lock"))
    assert_ok(await bob.put(f"/rooms/{room}/time-outs/{eve.id}", until=UNTIL, reason="Calm"))
    assert_ok(await bob.delete(f"/rooms/{room}/time-outs/{eve.id}"), 204)
    assert_ok(await bob.put(f"/rooms/{room}/bans/{eve.id}", reason="Spam"))
    found = await acts(ada, room)
    said = [(entry["actor"], entry["action"], entry["user"], entry["message"]) for entry in found]
    assert said == [
        (ada.id, "role_changed", bob.id, None),
        (bob.id, "messages_deleted", eve.id, first),
        (bob.id, "thread_locked", eve.id, second),
        (bob.id, "member_timed_out", eve.id, None),
        (bob.id, "time_out_lifted", eve.id, None),
        (bob.id, "member_banned", eve.id, None),
    ]
    assert (found[0]["before"], found[0]["after"]) == ({"role": "member"}, {"role": "moderator"})
    assert [entry["reason"] for entry in found] == ["", "", "", "Calm", "", "Spam"]
    assert found[4]["before"]["reason"] == "Calm"
    assert "pills" not in str(found)
    assert all(entry["room"] == room for entry in found)


async def test_a_change_of_a_room_is_recorded_with_what_it_was_before(ada: Person) -> None:
    room = await ada.makes_room(name="Before")
    for _ in range(2):  # the second changes nothing
        assert_ok(await ada.patch(f"/rooms/{room}", name="After", settings={"slow_mode_s": 30}))
    [entry] = await acts(ada, room)
    assert entry["action"] == "room_updated"
    assert entry["before"] == {"name": "Before", "slow_mode_s": 0}
    assert entry["after"] == {"name": "After", "slow_mode_s": 30}
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert (await acts(ada, room))[-1]["action"] == "room_archived"


async def test_the_code_of_an_invite_link_is_not_recorded(ada: Person) -> None:
    room = await ada.makes_room("private")
    invite = assert_ok(await ada.post(f"/rooms/{room}/invites", max_uses=3), 201)
    assert_ok(await ada.delete(f"/rooms/{room}/invites/{invite['id']}"), 204)
    made, revoked = await acts(ada, room)
    assert (made["action"], revoked["action"]) == ("invite_created", "invite_revoked")
    assert made["after"]["invite"] == revoked["before"]["invite"] == invite["id"]
    assert invite["code"] not in str([made, revoked])


async def test_a_refused_or_repeated_act_is_not_recorded(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_problem(await bob.delete(f"/rooms/{room}/members/{ada.id}"), "forbidden")
    for _ in range(2):
        assert_ok(await ada.put(f"/rooms/{room}/time-outs/{bob.id}", until=UNTIL, reason="x"))
    assert [entry["action"] for entry in await acts(ada, room)] == ["member_timed_out"]


async def test_a_bulk_deletion_has_an_entry_for_a_hundred_messages(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    seqs = await bob.says(room, *map(str, range(101)))
    body = {"sender": bob.id, "since": "2020-01-01T00:00:00Z"}
    assert_ok(await ada.post(f"/rooms/{room}/deletions", **body))
    found = await acts(ada, room, action="messages_deleted")
    assert sorted(len(entry["before"]["seqs"]) for entry in found) == [1, 100]
    assert sorted(seq for entry in found for seq in entry["before"]["seqs"]) == seqs


async def test_deleting_own_messages_is_not_recorded(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    [own] = await ada.says(room, "x")
    [other] = await bob.says(room, "y")
    assert_ok(await ada.post(f"/rooms/{room}/deletions", seqs=[own, other]))
    [entry] = await acts(ada, room)
    assert (entry["user"], entry["message"]) == (bob.id, other)


async def test_filters_and_pages_find_the_same_entries(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    for person, target in ((ada, bob), (bob, eve), (ada, eve)):
        path = f"/rooms/{room}/time-outs/{target.id}"
        assert_ok(await person.put(path, until=UNTIL, reason=person.username))
        if target is bob:
            assert_ok(await ada.delete(path), 204)
    whole = await acts(ada, room)
    assert len(whole) == 5
    for query in ({"actor": bob.id}, {"user": eve.id}, {"action": "member_timed_out"}):
        [(name, value)] = query.items()
        found = await acts(ada, room, **query)
        assert found == [entry for entry in whole if entry[name] == value]
        assert found
    both = await acts(ada, room, actor=ada.id, user=eve.id)
    assert both == [e for e in whole if (e["actor"], e["user"]) == (ada.id, eve.id)]
    assert await acts(ada, room, actor=UNKNOWN_ID) == []
    paged = await all_pages(ada, f"/rooms/{room}/audit-log", limit=2)
    assert [len(page) for page in paged] == [2, 2, 1]
    assert [entry for page in paged for entry in page] == whole[::-1]
    for name in ("actor", "action", "cursor"):
        assert_problem(await ada.get(f"/rooms/{room}/audit-log", **{name: "x"}), "invalid")


async def test_those_with_the_permission_read_it_also_after_the_room_is_archived(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/audit-log"
    assert_problem(await eve.get(path), "not_found")
    assert_problem(await bob.get(path), "forbidden")
    allowed = {"allow": ["view_audit_log"]}
    assert_ok(await ada.put(f"/rooms/{room}/permissions/users/{bob.id}", **allowed))
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert "view_audit_log" in (await bob.room(room))["permissions"]
    changed, _ = await acts(bob, room)
    assert changed["after"]["allow"] == ["view_audit_log"]


async def test_administrators_read_all_of_it_and_no_details_of_rooms_they_do_not_see(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    admin = await server.administrator(http)
    hidden, shown = await ada.makes_room("private", bob), await ada.makes_room("public", bob)
    for room in (hidden, shown):
        assert_ok(await ada.patch(f"/rooms/{room}", topic="the plan"))
    assert_ok(await admin.put(f"/users/{bob.id}/ban"))
    assert_ok(await admin.delete(f"/users/{bob.id}/ban"), 204)
    assert_problem(await ada.get("/audit-log"), "forbidden")
    for room, after in ((hidden, None), (shown, {"topic": "the plan"})):
        [entry] = assert_ok(await admin.get("/audit-log", room=room))["items"]
        assert (entry["actor"], entry["after"]) == (ada.id, after)
    by_admin = assert_ok(await admin.get("/audit-log", actor=admin.id))["items"]
    assert [entry["action"] for entry in by_admin] == ["user_unbanned", "user_banned"]
    assert all(entry["user"] == bob.id and entry["room"] is None for entry in by_admin)


async def test_an_act_of_the_operator_has_no_actor(
    server: TestServer, http: httpx.AsyncClient, bob: Person
) -> None:
    admin = await server.administrator(http)
    for use_case in (service.ban_by_name, service.unban_by_name):
        assert await server.context.database.transact(use_case, bob.username)
        assert not await server.context.database.transact(use_case, bob.username)
    lifted, banned = assert_ok(await admin.get("/audit-log", user=bob.id))["items"]
    assert (banned["action"], lifted["action"]) == ("user_banned", "user_unbanned")
    assert banned["actor"] is lifted["actor"] is None


@pytest.mark.setting("CHAT_DATABASE__AUDIT_LOG_DAYS")
async def test_old_entries_are_deleted_after_some_days(
    embedded: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "EXPIRY_INTERVAL_S", 1)
    monkeypatch.setattr(expiry, "PAUSE_S", 0)
    settings = without_limits(embedded.override(database={"audit_log_days": 30}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        assert_ok(await ada.patch(f"/rooms/{room}", topic="old"))
        assert_ok(await ada.patch(f"/rooms/{room}", topic="new"))
        old, new = await acts(ada, room)
        await server.context.database.transact(age, old["id"])

        async def only_new() -> bool:
            return await acts(ada, room) == [new]

        await eventually(only_new)


async def age(uow: UnitOfWork, id_: str) -> None:
    """Make an entry 31 days older."""
    old = first_id(now() - timedelta(days=31))
    await uow._session.execute(update(AuditRow).where(AuditRow.id == UUID(id_)).values(id=old))
