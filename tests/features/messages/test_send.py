"""POST /rooms/{id}/messages: a message is stored, and stored once."""

import asyncio
import random
from collections import Counter
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def test_a_message_is_committed_and_logged(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    message = assert_ok(await ada.sends(room, "hello", nonce="n-1"), 201)
    assert message | {"at": ""} == {
        "seq": 4,
        "sender": ada.id,
        "at": "",
        "text": "hello",
        "nonce": "n-1",
        "reply_to": None,
    }
    event = (await bob.log(room))[-1]
    assert (event["type"], event["seq"], event["actor"]) == ("message.created", 4, ada.id)
    assert event["message"] == message
    assert assert_ok(await bob.get(f"/rooms/{room}/messages/4")) == message


async def test_the_same_nonce_returns_the_first_message(ada: Person) -> None:
    room = await ada.makes_room()
    first = assert_ok(await ada.sends(room, "hello", nonce="n"), 201)
    for _ in range(3):
        assert assert_ok(await ada.sends(room, "hello", nonce="n"), 200) == first
    await ada.says(room, "more")
    assert assert_ok(await ada.sends(room, "hello", nonce="n"), 200) == first
    assert (await ada.room(room))["seq"] == 4


async def test_a_nonce_belongs_to_a_room_and_a_sender(ada: Person, bob: Person) -> None:
    one, other = await ada.makes_room("public", bob), await ada.makes_room("public", bob)
    for person, room in product((ada, bob), (one, other)):
        assert assert_ok(await person.sends(room, person.id, nonce="n"), 201)["sender"] == person.id
    for nonce in ("N", "n.", "n-"):  # compared byte by byte
        assert_ok(await ada.sends(one, nonce=nonce), 201)


async def test_another_message_with_the_same_nonce_is_a_conflict(ada: Person) -> None:
    room = await ada.makes_room()
    (seq,) = await ada.says(room, "first")
    assert_ok(await ada.sends(room, "hello", nonce="n"), 201)
    for text, more in (("other", {}), ("hello ", {}), ("hello", {"reply_to": seq})):
        problem = assert_problem(await ada.sends(room, text, nonce="n", **more), "nonce_conflict")
        assert "message 4" in problem["detail"]
    assert (await ada.room(room))["seq"] == 4


@pytest.mark.parametrize("group_commit", [True, False], ids=["together", "alone"])
async def test_a_repeated_send_is_recognised_after_the_message_has_changed(
    backend: Backend, *, group_commit: bool
) -> None:
    """It is compared with what was sent, not with the message as it is now."""
    settings = without_limits(backend.override(database={"group_commit": group_commit}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        (first,) = await ada.says(room, "question")
        assert_ok(await ada.sends(room, "plain", nonce="a"), 201)
        assert_ok(await ada.sends(room, "answer", nonce="b", reply_to=first), 201)
        await change(server, "UPDATE messages SET text = 'changed', reply_to = NULL")
        for nonce, text, more in (("a", "plain", {}), ("b", "answer", {"reply_to": first})):
            again = assert_ok(await ada.sends(room, text, nonce=nonce, **more), 200)
            assert (again["text"], again["nonce"]) == ("changed", nonce)
        for nonce, text, more in (
            ("a", "changed", {}),
            ("a", "plain", {"reply_to": first}),
            ("b", "answer", {}),
            ("b", "changed", {}),
        ):
            assert_problem(await ada.sends(room, text, nonce=nonce, **more), "nonce_conflict")
        # One that is older than fingerprints, and one whose fingerprint a newer release has made.
        for statement in (
            "UPDATE messages SET fingerprint = NULL",
            "UPDATE messages SET fingerprint = X'ffffffffffffffffffffffffffffffff'",
        ):
            await change(server, statement)
            assert_ok(await ada.sends(room, "changed", nonce="a"), 200)
            assert_problem(await ada.sends(room, "plain", nonce="a"), "nonce_conflict")
        assert (await ada.room(room))["seq"] == first + 2


async def change(server: TestServer, statement: str) -> None:
    async with server.context.database._engines.write.begin() as connection:
        await connection.exec_driver_sql(statement)


@pytest.mark.parametrize("group_commit", [True, False], ids=["together", "alone"])
async def test_concurrent_equal_and_conflicting_sends_with_one_nonce(
    backend: Backend, *, group_commit: bool
) -> None:
    settings = without_limits(backend.override(database={"group_commit": group_commit}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        texts = ["one", "two"] * 10
        answers = await asyncio.gather(*(ada.sends(room, text, nonce="n") for text in texts))
        codes = Counter(answer.status_code for answer in answers)
        assert codes == {201: 1, 200: 9, 409: 10}
        assert len(await ada.log(room)) == 3


async def test_a_hundred_concurrent_sends_with_one_nonce_are_one_message(ada: Person) -> None:
    room = await ada.makes_room()
    answers = await asyncio.gather(*(ada.sends(room, "once", nonce="n") for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.text for answer in answers}) == 1
    await ada.says(room, "next")
    assert [event["seq"] for event in await ada.log(room)] == [1, 2, 3, 4]


async def test_concurrent_sends_leave_logs_without_gaps(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """200 messages of 10 users to 3 rooms; some are sent twice, as impatient clients do."""
    people = [await server.person(http) for _ in range(10)]
    rooms = [await ada.makes_room("private", *people) for _ in range(3)]
    sends = [
        (person, room, f"{number}-{uuid4()}")
        for number in range(20)
        for person, room in zip(people, rooms * 4, strict=False)
    ]
    random.shuffle(sends)
    doubled = random.sample(sends, 40)
    answers = await asyncio.gather(
        *(person.sends(room, nonce, nonce) for person, room, nonce in sends + doubled)
    )
    acked: dict[str, dict[str, int]] = {room: {} for room in rooms}
    for (person, room, nonce), answer in zip(sends + doubled, answers, strict=True):
        assert answer.status_code in {200, 201}
        message = answer.json()
        assert (message["nonce"], message["sender"]) == (nonce, person.id)
        assert acked[room].setdefault(nonce, message["seq"]) == message["seq"]
    for room in rooms:
        log = await ada.log(room)
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        written = {e["message"]["nonce"]: e["seq"] for e in log if "message" in e}
        assert written == acked[room]


async def test_a_reply_must_refer_to_a_message_of_the_room(ada: Person, bob: Person) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room()
    (first,) = await ada.says(room, "question")
    await ada.says(other, *"abcd")
    assert assert_ok(await bob.sends(room, "answer", reply_to=first), 201)["reply_to"] == first
    # A join, what is not there yet, and the message itself.
    for seq in (0, 1, 3, 6, 7, 2**53 - 1):
        assert_problem(await bob.sends(room, reply_to=seq), "invalid", "reply_to")
    for value in (-1, 2**53, "4", 4.0, 4.5, True, [4]):
        assert_problem(await bob.sends(room, reply_to=value), "invalid", "reply_to")
    assert len(await ada.log(room)) == 5


@pytest.mark.parametrize("nonce", ["", "x" * 65, "a b", "é", "n\n", "a/b", None, 7], ids=repr)
async def test_invalid_nonces_are_refused(ada: Person, nonce: object) -> None:
    room = await ada.makes_room()
    body: dict[str, Any] = {"nonce": nonce, "text": "x"}
    assert_problem(await ada.post(f"/rooms/{room}/messages", **body), "invalid", "nonce")


async def test_a_send_needs_a_nonce_and_a_text(ada: Person) -> None:
    path = f"/rooms/{await ada.makes_room()}/messages"
    assert_problem(await ada.post(path), "invalid", "text", "nonce")
    assert_problem(await ada.post(path, nonce="n"), "invalid", "text")
    assert_problem(await ada.post(path, nonce="n", text="x", seq=9), "invalid", "seq")
    assert_problem(await ada.post(path, nonce="n", text=None), "invalid", "text")
    assert_ok(await ada.post(path, nonce="x" * 64, text="x", reply_to=None), 201)


async def test_sends_are_rate_limited_with_retry_after(backend: Backend) -> None:
    settings = without_limits(backend.settings)
    limits = {"sends_per_second": 0.001, "sends_burst": 3}
    settings = backend.override(auth=settings.auth.model_dump(), limits=limits)
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("public", bob)
        await ada.says(room, *"abc")
        problem = assert_problem(await ada.sends(room), "rate_limited")
        assert 0 < problem["retry_after_ms"] <= 1_000_001
        assert_ok(await bob.sends(room), 201)  # each has their own
        await server.forget_limits()
        assert_ok(await ada.sends(room), 201)
        assert (await ada.room(room))["seq"] == 8
