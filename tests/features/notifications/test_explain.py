"""GET /rooms/{id}/messages/{seq}/notification."""

from typing import Any

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person
from testkit.server import TestServer, unique_username


async def explained(
    person: Person, room: str, seq: int, **query: Any
) -> tuple[str, bool, bool, bool]:
    """Reason, unread, mention and notify."""
    answer = assert_ok(await person.get(f"/rooms/{room}/messages/{seq}/notification", **query))
    assert answer.keys() == {"reason", "unread", "mention", "notify", "mentions"}
    return answer["reason"], answer["unread"], answer["mention"], answer["notify"]


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def test_each_setting_is_a_reason(admin: Person, ada: Person, bob: Person) -> None:
    handle = unique_username("team")
    await admin.makes_group(handle, bob)
    room = await ada.makes_room("private", bob)
    settings, of_room = "/users/me/notifications", f"/rooms/{room}/notifications"
    await ada.says(
        room, "4 plain", f"5 @{bob.username}", f"6 @{handle}", "7 @room", "8 @here", "9 release"
    )
    assert [await explained(bob, room, seq) for seq in range(4, 10)] == [
        ("level_mentions", True, False, False),
        ("direct_mention", True, True, True),
        ("group_mention", True, True, True),
        ("room_mention", True, True, True),
        ("level_mentions", True, False, False),  # nobody was here
        ("level_mentions", True, False, False),
    ]
    assert await explained(ada, room, 5) == ("own_message", False, False, False)
    assert_ok(await bob.put(settings, keywords=["Release"]))
    assert await explained(bob, room, 9) == ("keyword", True, False, True)
    assert_ok(await bob.put(of_room, level="all"))
    assert await explained(bob, room, 4) == ("level_all", True, False, True)
    assert_ok(await bob.put(settings, quiet_until="2100-01-01T00:00:00Z"))
    assert await explained(bob, room, 4) == ("do_not_disturb", True, False, False)
    assert await explained(bob, room, 7) == ("do_not_disturb", True, True, False)
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    always = {"days": days, "start": "00:00", "end": "00:00", "time_zone": "Asia/Tokyo"}
    assert_ok(await bob.put(settings, schedule=always))
    assert await explained(bob, room, 4) == ("do_not_disturb", True, False, False)
    assert_ok(await bob.put(of_room, muted=True))
    assert await explained(bob, room, 7) == ("muted", True, False, False)
    assert await explained(bob, room, 5) == ("muted", True, True, False)
    assert_ok(await bob.put(of_room, level="nothing"))
    assert await explained(bob, room, 7) == ("level_nothing", True, False, False)


async def test_all_kinds_of_a_mention_are_told(admin: Person, ada: Person, bob: Person) -> None:
    handle = unique_username("team")
    await admin.makes_group(handle, bob)
    room = await ada.makes_room("private", bob)
    (seq,) = await ada.says(room, f"@{handle} @{bob.username} @room @{handle}x")
    answer = assert_ok(await bob.get(f"/rooms/{room}/messages/{seq}/notification"))
    assert answer["mentions"] == ["direct", "group", "room"]


async def test_admins_ask_about_others(
    admin: Person, ada: Person, bob: Person, eve: Person
) -> None:
    public, private = await ada.makes_room("public", bob), await ada.makes_room("private", bob)
    direct = ("direct_mention", True, True, True)
    for room in (public, private):
        await ada.says(room, f"4 @{bob.username}")
        assert await explained(ada, room, 4, user=bob.id) == direct
        for stranger in (eve.id, UNKNOWN_ID):
            not_member = ("not_member", False, False, False)
            assert await explained(ada, room, 4, user=stranger) == not_member
        path = f"/rooms/{room}/messages/4/notification"
        assert_problem(await bob.get(path, user=ada.id), "forbidden")
        assert await explained(bob, room, 4, user=bob.id) == direct
    assert await explained(admin, public, 4, user=bob.id) == direct
    path = f"/rooms/{private}/messages/4/notification"
    assert_problem(await admin.get(path, user=bob.id), "not_found")


async def test_only_members_ask_about_messages(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room("public"), await ada.makes_room("private")
    assert_problem(await bob.get(f"/rooms/{public}/messages/2/notification"), "forbidden")
    assert_problem(await bob.get(f"/rooms/{private}/messages/2/notification"), "not_found")
    for seq in (0, 2, 2**53 - 1):  # no message
        answer = await ada.get(f"/rooms/{public}/messages/{seq}/notification")
        assert_problem(answer, "not_found")


async def test_silent_messages_and_threads_are_reasons(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    silent = assert_ok(await ada.sends(room, f"@{bob.username}", silent=True), 201)["seq"]
    assert await explained(bob, room, silent) == ("silent", True, True, False)
    [root] = await ada.says(room, "root")
    reply = assert_ok(await ada.sends(room, "reply", thread=root), 201)["seq"]
    assert await explained(bob, room, reply) == ("other_thread", False, False, False)
    assert_ok(await bob.put(f"/rooms/{room}/threads/{root}/follow"))
    assert await explained(bob, room, reply) == ("thread", True, False, True)
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{reply}"))
    path = f"/rooms/{room}/messages/{reply}/notification"
    assert_problem(await bob.get(path), "not_found")
