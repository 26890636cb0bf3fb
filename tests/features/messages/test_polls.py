"""Polls: votes, options that are added, closing, and who sees what."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.clock import now
from app.persistence.database import Database
from app.persistence.message_tables import PollVote
from testkit.answers import assert_ok, assert_problem
from testkit.failure_injection import NEVER, failing_at
from testkit.peer import Peers
from testkit.people import Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.features.table_rows import read_rows


async def asks(person: Person, room: str, *options: str, **poll: Any) -> int:
    """Send a poll; its seq."""
    body = {"options": options or ("yes", "no"), **poll}
    seq: int = assert_ok(await person.sends(room, "well?", poll=body), 201)["seq"]
    return seq


async def votes(person: Person, room: str, seq: int, *options: int) -> httpx.Response:
    return await person.put(f"/rooms/{room}/messages/{seq}/vote", options=options)


async def shown(person: Person, room: str, seq: int) -> Any:
    return assert_ok(await person.get(f"/rooms/{room}/messages/{seq}"))["poll"]


async def counts(person: Person, room: str, seq: int) -> list[int]:
    return [option["votes"] for option in (await shown(person, room, seq))["options"]]


async def test_a_poll_shows_its_options_and_no_votes_at_first(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    poll = {"options": ["yes", "no 👋"], "multiple": True}
    message = assert_ok(await ada.sends(room, "well?", poll=poll), 201)
    assert message["poll"] == {
        "options": [
            {"number": 1, "text": "yes", "votes": 0, "voters": []},
            {"number": 2, "text": "no 👋", "votes": 0, "voters": []},
        ],
        "voter_count": 0,
        "multiple": True,
        "anonymous": False,
        "may_add": False,
        "closed": False,
    }
    assert assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"] == [message]
    assert (await bob.log(room))[-1]["message"] == message


async def test_votes_are_counted_and_announced(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(ada, room)
    seq = await asks(ada, room, "a", "b", "c")
    answer = assert_ok(await votes(bob, room, seq, 2))
    assert answer["options"] == [2]
    assert answer["message"]["poll"]["options"][1] == {
        "number": 2,
        "text": "b",
        "votes": 1,
        "voters": [bob.id],
    }
    assert answer["message"]["poll"]["voter_count"] == 1
    await peer.has(room, seq + 1)
    event = peer.events(room)[-1]
    assert (event["type"], event["actor"]) == ("poll.updated", bob.id)
    assert event["message"] == answer["message"]
    assert (await bob.log(room))[-1] == event
    assert_ok(await votes(ada, room, seq, 3))
    assert_ok(await votes(bob, room, seq, 3))  # instead of 2
    poll = await shown(ada, room, seq)
    assert [option["votes"] for option in poll["options"]] == [0, 0, 2]
    assert poll["options"][2]["voters"] == [ada.id, bob.id]
    assert poll["voter_count"] == 2
    assert_ok(await votes(ada, room, seq))
    assert await counts(ada, room, seq) == [0, 0, 1]
    assert (await shown(ada, room, seq))["voter_count"] == 1


async def test_the_same_vote_again_changes_nothing(ada: Person) -> None:
    room = await ada.makes_room()
    seq = await asks(ada, room, multiple=True)
    first = assert_ok(await votes(ada, room, seq, 1, 2))
    log = await ada.log(room)
    assert assert_ok(await votes(ada, room, seq, 2, 1, 2)) == first
    assert await ada.log(room) == log
    assert_ok(await votes(ada, room, seq))
    log = await ada.log(room)
    assert_ok(await votes(ada, room, seq))
    assert await ada.log(room) == log


async def test_the_number_of_options_of_a_vote_is_the_polls(ada: Person) -> None:
    room = await ada.makes_room()
    single, multiple = await asks(ada, room), await asks(ada, room, multiple=True)
    assert_problem(await votes(ada, room, single, 1, 2), "invalid")
    assert_problem(await votes(ada, room, single, 3), "invalid")
    assert_problem(await votes(ada, room, single, 0), "invalid", "options.0")
    assert_problem(await votes(ada, room, multiple, 1, 3), "invalid")
    assert_ok(await votes(ada, room, multiple, 1, 2))
    assert await counts(ada, room, multiple) == [1, 1]
    assert (await shown(ada, room, multiple))["voter_count"] == 1


async def test_pages_tell_the_callers_own_votes(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    first = await asks(ada, room, multiple=True)
    second = await asks(ada, room, anonymous=True)
    await asks(ada, room)
    assert_ok(await votes(bob, room, first, 2, 1))
    assert_ok(await votes(bob, room, second, 2))
    own = [{"seq": first, "options": [1, 2]}, {"seq": second, "options": [2]}]
    path = f"/rooms/{room}/messages"
    assert assert_ok(await bob.get(path))["voted"] == own
    assert assert_ok(await bob.get(path, after=first))["voted"] == own[1:]
    assert "voted" not in assert_ok(await ada.get(path))


async def test_voters_are_listed_by_option(server: TestServer, http: httpx.AsyncClient) -> None:
    ada, *others = await server.people(http, "ada", *[f"u{n}" for n in range(6)])
    room = await ada.makes_room("private", *others)
    seq = await asks(ada, room)
    for person in others:
        assert_ok(await votes(person, room, seq, 1))
    assert_ok(await votes(ada, room, seq, 2))
    option = (await shown(ada, room, seq))["options"][0]
    assert (option["votes"], option["voters"]) == (6, [person.id for person in others[:5]])
    path = f"/rooms/{room}/messages/{seq}/votes"
    pages = await all_pages(ada, path, limit=4)
    listed = [(vote["option"], vote["user"]) for page in pages for vote in page]
    assert listed == [*sorted((1, person.id) for person in others), (2, ada.id)]
    assert [len(page) for page in pages] == [4, 3]
    assert await all_pages(ada, path, option=2) == [[{"option": 2, "user": ada.id}]]
    assert await all_pages(ada, path, option=3) == [[]]
    assert_problem(await ada.get(path, cursor="x"), "invalid")


async def test_nobody_sees_who_has_voted_in_an_anonymous_poll(
    ada: Person, bob: Person, eve: Person, peers: Peers, server: TestServer, http: httpx.AsyncClient
) -> None:
    """In the message, the log, events on sockets, publications and lists."""
    room = await ada.makes_room("private", bob, eve)
    peer = await peers.join(ada, room)
    seq = await asks(bob, room, anonymous=True, multiple=True)
    since = len(await ada.log(room))
    with failing_at(server.context.database, NEVER) as recorded:
        for options in ((1,), (1, 2), (2,)):
            assert_ok(await votes(eve, room, seq, *options))
    assert await counts(ada, room, seq) == [0, 1]
    events = (await ada.log(room))[since:]
    await peer.has(room, events[-1]["seq"])
    assert [event["actor"] for event in events] == [bob.id] * 3
    own = [entry for entry in recorded.published if str(entry.channel) == room]
    assert [str(entry.user) for entry in own] == [bob.id] * 3
    page = assert_ok(await ada.get(f"/rooms/{room}/messages", after=seq - 1))
    said = [events, page, peer.events(room)[-3:], [bytes(entry.payload).decode() for entry in own]]
    assert eve.id not in str(said)
    assert_problem(await ada.get(f"/rooms/{room}/messages/{seq}/votes"), "forbidden")
    assert_problem(await bob.get(f"/rooms/{room}/messages/{seq}/votes"), "forbidden")
    assert assert_ok(await votes(eve, room, seq, 2))["options"] == [2]


async def test_members_add_options_where_the_poll_allows_it(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    open_seq, fixed = await asks(ada, room, may_add=True), await asks(ada, room)
    path = f"/rooms/{room}/messages/{open_seq}/poll/options"
    message = assert_ok(await bob.post(path, text="maybe"))
    assert [o["text"] for o in message["poll"]["options"]] == ["yes", "no", "maybe"]
    event = (await ada.log(room))[-1]
    assert (event["type"], event["actor"]) == ("poll.updated", bob.id)
    assert assert_ok(await ada.post(path, text="maybe")) == message  # it is there
    assert (await ada.log(room))[-1] == event
    assert_ok(await votes(ada, room, open_seq, 3))
    refused = await ada.post(f"/rooms/{room}/messages/{fixed}/poll/options", text="maybe")
    assert_problem(refused, "forbidden")
    assert_problem(await ada.post(path, text="x" * 201), "invalid", "text")


@pytest.mark.setting("CHAT_LIMITS__MAX_POLL_OPTIONS")
async def test_the_options_of_a_poll_are_limited(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_poll_options": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        too_many = {"options": ["a", "b", "c", "d"]}
        assert_problem(await ada.sends(room, poll=too_many), "invalid", "poll.options")
        seq = await asks(ada, room, may_add=True)
        path = f"/rooms/{room}/messages/{seq}/poll/options"
        assert_ok(await ada.post(path, text="c"))
        assert_problem(await ada.post(path, text="d"), "too_many")
        assert_ok(await ada.post(path, text="c"))


async def test_the_sender_or_a_moderator_closes_a_poll(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    for person, refused in ((bob, eve), (ada, eve)):
        seq = await asks(bob, room, may_add=True)
        assert_ok(await votes(eve, room, seq, 1))
        path = f"/rooms/{room}/messages/{seq}/poll"
        assert_problem(await refused.post(f"{path}/close"), "forbidden")
        message = assert_ok(await person.post(f"{path}/close"))
        assert message["poll"]["closed"]
        event = (await ada.log(room))[-1]
        assert (event["actor"], event["message"]) == (person.id, message)
        assert assert_ok(await person.post(f"{path}/close")) == message
        assert (await ada.log(room))[-1] == event
        for late in (votes(eve, room, seq, 2), votes(eve, room, seq), votes(ada, room, seq, 1)):
            assert_problem(await late, "forbidden")
        assert_problem(await eve.post(f"{path}/options", text="c"), "forbidden")
        assert await counts(eve, room, seq) == [1, 0]


async def test_a_poll_closes_by_time(ada: Person) -> None:
    room = await ada.makes_room()
    closes_at = now() + timedelta(seconds=1.5)
    seq = await asks(ada, room, closes_at=closes_at.isoformat())
    poll = await shown(ada, room, seq)
    assert datetime.fromisoformat(poll["closes_at"]) == closes_at

    async def is_closed() -> bool:
        return bool((await shown(ada, room, seq))["closed"])

    await eventually(is_closed)
    assert now() >= closes_at
    assert_problem(await votes(ada, room, seq, 1), "forbidden")
    for message in (
        assert_ok(await ada.get(f"/rooms/{room}/messages"))["items"][0],
        (await ada.log(room))[-1]["message"],
    ):
        assert message["poll"]["closed"]


async def test_a_repeated_send_of_a_poll_is_the_same_message(ada: Person) -> None:
    room = await ada.makes_room()
    poll = {
        "options": ["a", "b"],
        "may_add": True,
        "closes_at": (now() + timedelta(seconds=1)).isoformat(),
    }
    first = assert_ok(await ada.sends(room, "q", nonce="n", poll=poll), 201)
    assert_ok(await ada.post(f"/rooms/{room}/messages/{first['seq']}/poll/options", text="c"))

    async def is_closed() -> bool:
        return bool((await shown(ada, room, first["seq"]))["closed"])

    await eventually(is_closed)
    again = assert_ok(await ada.sends(room, "q", nonce="n", poll=poll), 200)
    assert again["seq"] == first["seq"]
    assert len(again["poll"]["options"]) == 3
    other = poll | {"options": ["b", "a"]}
    assert_problem(await ada.sends(room, "q", nonce="n", poll=other), "nonce_conflict")
    assert_problem(await ada.sends(room, "q", nonce="n"), "nonce_conflict")


@pytest.mark.parametrize(
    ("poll", "path"),
    [
        ({"options": ["a"]}, "poll.options"),
        ({"options": ["a", "a"]}, "poll.options"),
        ({"options": ["a", " "]}, "poll.options.1"),
        ({"options": ["a", "x" * 201]}, "poll.options.1"),
        ({"options": ["a", "b"], "closes_at": "2020-01-01T00:00:00Z"}, "poll.closes_at"),
        ({"options": ["a", "b"], "closes_at": "2120-01-01T00:00:00Z"}, "poll.closes_at"),
        ({"options": ["a", "b"], "closes_at": "2120-01-01T00:00:00"}, "poll.closes_at"),
        ({"options": ["a", "b"], "closes_at": "0001-01-01T00:00:00+14:00"}, "poll.closes_at"),
        ({"options": ["a", "b"], "votes": 1}, "poll.votes"),
        ({}, "poll.options"),
    ],
    ids=str,
)
async def test_polls_are_validated(ada: Person, poll: dict[str, Any], path: str) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.sends(room, poll=poll), "invalid", path)


async def test_a_poll_is_sent_by_socket(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    poll = {"options": ["a", "b"], "closes_at": (now() + timedelta(days=1)).isoformat()}
    ack = await peer.ask("message.send", room=room, nonce="n", text="q", poll=poll)
    assert await counts(ada, room, ack["seq"]) == [0, 0]
    doubled = (
        f'{{"type":"message.send","id":"d","room":"{room}","nonce":"m","text":"q",'
        '"poll":{"options":["a","b"],"options":["c","d"]}}'
    )
    await peer.connection.send(doubled)
    assert (await peer.expect("error"))["code"] == "bad_frame"


@pytest.mark.parametrize("closes_at", [1893456000, 1893456000.5, "1893456001", "2030-01-01", True])
async def test_the_closing_time_of_a_poll_is_written_as_a_time(
    ada: Person, peers: Peers, closes_at: Any
) -> None:
    room = await ada.makes_room()
    poll = {"options": ["a", "b"], "closes_at": closes_at}
    problem = assert_problem(await ada.sends(room, "?", poll=poll), "invalid")
    assert [error["path"] for error in problem["errors"]] == ["poll.closes_at"]
    peer = await peers.join(ada, room)
    answer = await peer.ask("message.send", room=room, nonce="n", text="?", poll=poll)
    assert answer["code"] == "invalid"
    assert [error["path"] for error in answer["errors"]] == ["poll.closes_at"]


async def test_what_is_no_poll_takes_no_votes(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private")
    (seq,) = await ada.says(room, "x")
    poll = await asks(ada, room)
    assert_problem(await votes(ada, room, seq, 1), "not_found")
    assert_problem(await votes(ada, room, 1, 1), "not_found")
    assert_problem(await votes(bob, room, poll, 1), "not_found")
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{poll}"))
    assert_problem(await votes(ada, room, poll, 1), "not_found")
    archived = await ada.makes_room()
    poll = await asks(ada, archived)
    assert_ok(await ada.delete(f"/rooms/{archived}"), 204)
    assert_problem(await votes(ada, archived, poll, 1), "room_archived")


async def test_deleting_a_poll_deletes_its_votes(
    ada: Person, bob: Person, server: TestServer
) -> None:
    room = await ada.makes_room("private", bob)
    seq = await asks(ada, room)
    for person in (ada, bob):
        assert_ok(await votes(person, room, seq, 1))

    async def stored() -> int:
        database: Database = server.context.database
        rows = (await read_rows(database))[PollVote.__tablename__]
        return sum(UUID(room).bytes in row for row in rows)

    assert await stored() == 2
    message = assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}"))
    assert "poll" not in message
    assert await stored() == 0


async def test_a_poll_keeps_its_votes_when_its_message_changes(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    seq = await asks(ada, room)
    assert_ok(await votes(bob, room, seq, 1))
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await ada.patch(path, text="really?", version=1))
    assert_ok(await bob.put(f"{path}/reactions/🎉"))
    assert_ok(await ada.put(f"{path}/pin"))
    assert await counts(ada, room, seq) == [1, 0]
    assert_ok(await votes(ada, room, seq, 1))
    message = assert_ok(await ada.get(path))
    assert message["text"] == "really?"
    assert message["reactions"][0]["count"] == 1
    assert message["pin"]


async def test_concurrent_votes_are_all_counted(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, *others = await server.people(http, "ada", *[f"u{n}" for n in range(8)])
    room = await ada.makes_room("private", *others)
    seq = await asks(ada, room)
    answers = await asyncio.gather(
        *(votes(person, room, seq, option) for option in (1, 2) for person in others)
    )
    for answer in answers:
        assert_ok(answer)
    poll = await shown(ada, room, seq)
    (listed,) = await all_pages(ada, f"/rooms/{room}/messages/{seq}/votes")
    stored = [sum(vote["option"] == n for vote in listed) for n in (1, 2)]
    assert [option["votes"] for option in poll["options"]] == stored
    assert sum(stored) == poll["voter_count"] == len(others)
