"""Reactions: who has reacted with what, counted once."""

import asyncio
from urllib.parse import quote

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend


async def test_a_reaction_is_counted_with_its_first_users(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    [seq] = await ada.says(room, "hello")
    path = f"/rooms/{room}/messages/{seq}"
    peer = await peers.join(ada, room)
    message = assert_ok(await bob.put(f"{path}/reactions/🎉"))
    assert message["reactions"] == [{"emoji": "🎉", "count": 1, "users": [bob.id]}]
    event = await peer.expect("reaction.added", seq=seq + 1)
    assert (event["actor"], event["emoji"], event["message"]) == (bob.id, "🎉", message)
    assert assert_ok(await bob.put(f"{path}/reactions/🎉")) == message  # again
    both = assert_ok(await ada.put(f"{path}/reactions/🎉"))
    assert both["reactions"] == [{"emoji": "🎉", "count": 2, "users": [bob.id, ada.id]}]
    one = assert_ok(await bob.delete(f"{path}/reactions/🎉"))
    assert one["reactions"] == [{"emoji": "🎉", "count": 1, "users": [ada.id]}]
    assert assert_ok(await bob.delete(f"{path}/reactions/🎉")) == one  # again
    assert "reactions" not in assert_ok(await ada.delete(f"{path}/reactions/🎉"))
    types = [event["type"] for event in (await bob.log(room))[seq:]]
    assert types == ["reaction.added"] * 2 + ["reaction.removed"] * 2


async def test_a_page_says_which_reactions_are_the_caller_s(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    [first, second] = await ada.says(room, "first", "second")
    for person, seq, emoji in ((bob, first, "🎉"), (bob, first, "👍"), (ada, second, "🎉")):
        assert_ok(await person.put(f"/rooms/{room}/messages/{seq}/reactions/{emoji}"))
    page = assert_ok(await bob.get(f"/rooms/{room}/messages"))
    assert page["reacted"] == [{"seq": first, "emoji": "🎉"}, {"seq": first, "emoji": "👍"}]
    page = assert_ok(await ada.get(f"/rooms/{room}/messages"))
    assert page["reacted"] == [{"seq": second, "emoji": "🎉"}]
    assert "reacted" not in assert_ok(await ada.get(f"/rooms/{room}/messages", before=second))


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("❤", "❤️"),
        ("❤️", "❤️"),
        ("👩‍💻", "👩‍💻"),
        ("👍🏽", "👍🏽"),
        ("🇩🇪", "🇩🇪"),
        ("1️⃣", "1️⃣"),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
        ("🏳️‍🌈", "🏳️‍🌈"),
    ],
)
async def test_any_emoji_of_unicode_is_a_reaction(ada: Person, written: str, counted: str) -> None:
    """In one form: some keyboards leave out variation selectors."""
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    message = assert_ok(await ada.put(f"/rooms/{room}/messages/{seq}/reactions/{written}"))
    assert [one["emoji"] for one in message["reactions"]] == [counted]
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}/reactions/{counted}"))


@pytest.mark.parametrize("text", ["a", "🎉🎉", "1", "#", "🎉 ", "©a", "🏻🎉", "€", "☺☺", "%20"])
async def test_what_is_no_emoji_is_not_found(ada: Person, text: str) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    answer = await ada.put(f"/rooms/{room}/messages/{seq}/reactions/{quote(text)}")
    assert "emoji" in assert_problem(answer, "not_found")["detail"]


async def test_reactions_of_a_crowd_at_once_are_each_counted(
    backend: Backend,
) -> None:
    async with run_server(without_limits(backend.settings)) as server, server.client() as http:
        people = await server.people(http, *(f"p{n}" for n in range(12)))
        room = await people[0].makes_room("private", *people[1:])
        [seq] = await people[0].says(room, "hello")
        path = f"/rooms/{room}/messages/{seq}"
        await asyncio.gather(*(p.put(f"{path}/reactions/🎉") for p in people for _ in range(2)))
        [shown] = assert_ok(await people[0].get(path))["reactions"]
        assert shown["count"] == 12
        assert len(shown["users"]) == len({*shown["users"]}) == 5
        pages = await all_pages(people[0], f"{path}/reactions", limit=5)
        assert sorted(item["user"] for page in pages for item in page) == sorted(
            p.id for p in people
        )
        await asyncio.gather(*(p.delete(f"{path}/reactions/🎉") for p in people[1:]))
        [shown] = assert_ok(await people[0].get(path))["reactions"]
        assert shown["count"] == 1


@pytest.mark.setting("CHAT_LIMITS__MAX_REACTION_KINDS")
async def test_a_message_has_as_many_kinds_of_reaction_as_the_setting_says(
    backend: Backend,
) -> None:
    settings = without_limits(backend.override(limits={"max_reaction_kinds": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private", bob)
        [seq] = await ada.says(room, "hello")
        path = f"/rooms/{room}/messages/{seq}/reactions"
        for emoji in "🎉👍":
            assert_ok(await ada.put(f"{path}/{emoji}"))
        assert_problem(await ada.put(f"{path}/👀"), "too_many")
        assert_ok(await bob.put(f"{path}/👍"))  # a kind that is there
        assert_ok(await ada.delete(f"{path}/🎉"))
        assert_ok(await ada.put(f"{path}/👀"))


async def test_only_members_react_and_see_who_did(ada: Person, eve: Person) -> None:
    private, public = await ada.makes_room("private"), await ada.makes_room("public")
    for room, code in ((private, "not_found"), (public, "forbidden")):
        [seq] = await ada.says(room, "hello")
        path = f"/rooms/{room}/messages/{seq}"
        assert_problem(await eve.put(f"{path}/reactions/🎉"), code)
        assert_problem(await eve.get(f"{path}/reactions"), code)
