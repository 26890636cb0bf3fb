"""Messages are forwarded into other rooms as copies."""

from typing import Any

import httpx

from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person


async def forward(
    person: Person, room: str, seq: int, to: str, nonce: str = "f", **more: Any
) -> httpx.Response:
    return await person.post(f"/rooms/{room}/messages/{seq}/forward", to=to, nonce=nonce, **more)


async def test_a_forwarded_message_is_a_copy_with_its_source(ada: Person, bob: Person) -> None:
    source, target = await ada.makes_room("private", bob), await ada.makes_room()
    (seq,) = await bob.says(source, "hello @nobody 👋")
    original = assert_ok(await ada.get(f"/rooms/{source}/messages/{seq}"))
    message = assert_ok(await forward(ada, source, seq, target, text="look"), 201)
    assert message["text"] == "look"
    assert message["sender"] == ada.id
    assert message["forwarded"] == {
        "room": source,
        "seq": seq,
        "sender": bob.id,
        "at": original["at"],
        "text": "hello @nobody 👋",
    }
    assert assert_ok(await ada.get(f"/rooms/{target}/messages"))["items"] == [message]
    assert (await ada.log(target))[-1]["message"] == message


async def test_a_copy_stays_when_its_source_changes(ada: Person, bob: Person) -> None:
    source, target = await ada.makes_room("private", bob), await ada.makes_room()
    (seq,) = await ada.says(source, "first")
    message = assert_ok(await forward(ada, source, seq, target), 201)
    path = f"/rooms/{source}/messages/{seq}"
    assert_ok(await ada.patch(path, text="second", version=1))
    assert_ok(await ada.delete(path))
    shown = assert_ok(await ada.get(f"/rooms/{target}/messages/{message['seq']}"))
    assert shown == message
    assert shown["forwarded"]["text"] == "first"
    assert shown["text"] == ""


async def test_only_members_of_its_room_can_read_the_source(ada: Person, bob: Person) -> None:
    source, target = await ada.makes_room("private"), await ada.makes_room("private", bob)
    (seq,) = await ada.says(source, "secret no more")
    message = assert_ok(await forward(ada, source, seq, target), 201)
    shown = assert_ok(await bob.get(f"/rooms/{target}/messages/{message['seq']}"))["forwarded"]
    place = f"/rooms/{shown['room']}/messages/{shown['seq']}"
    assert_problem(await bob.get(place), "not_found")
    assert assert_ok(await ada.get(place))["text"] == "secret no more"


async def test_a_repeated_nonce_is_the_same_message(ada: Person, bob: Person) -> None:
    """Whatever has become of the source meanwhile."""
    source, target = await bob.makes_room("private", ada), await ada.makes_room()
    (seq, other) = await bob.says(source, "first", "other")
    message = assert_ok(await forward(ada, source, seq, target, text="look"), 201)
    path = f"/rooms/{source}/messages/{seq}"
    assert_ok(await bob.patch(path, text="second", version=1))
    assert assert_ok(await forward(ada, source, seq, target, text="look"), 200) == message
    assert_problem(await forward(ada, source, other, target, text="look"), "nonce_conflict")
    assert_problem(await forward(ada, source, seq, target), "nonce_conflict")
    assert_problem(await ada.sends(target, "look", nonce="f"), "nonce_conflict")
    assert_ok(await bob.delete(path))
    assert assert_ok(await forward(ada, source, seq, target, text="look"), 200) == message
    assert_problem(await forward(ada, source, seq, target), "nonce_conflict")
    assert_ok(await bob.delete(f"/rooms/{source}/members/{ada.id}"), 204)
    assert assert_ok(await forward(ada, source, seq, target, text="look"), 200) == message
    assert len(assert_ok(await ada.get(f"/rooms/{target}/messages"))["items"]) == 1


async def test_what_cannot_be_read_cannot_be_forwarded(ada: Person, bob: Person) -> None:
    hidden, public, own = (
        await bob.makes_room("private"),
        await bob.makes_room(),
        await ada.makes_room(),
    )
    for room in (hidden, public):
        await bob.says(room, "x")
    assert_problem(await forward(ada, hidden, 3, own), "not_found")
    assert_problem(await forward(ada, public, 3, own), "forbidden")
    assert_problem(await forward(ada, UNKNOWN_ID, 3, own), "not_found")
    assert_problem(await forward(ada, own, 1, own), "not_found")  # an event, and no message
    (seq,) = await ada.says(own, "deleted")
    assert_ok(await ada.delete(f"/rooms/{own}/messages/{seq}"))
    assert_problem(await forward(ada, own, seq, own), "not_found")


async def test_the_rules_of_sending_hold_in_the_other_room(ada: Person, bob: Person) -> None:
    own, hidden, public = (
        await ada.makes_room(),
        await bob.makes_room("private"),
        await bob.makes_room(),
    )
    (seq,) = await ada.says(own, "x")
    assert_problem(await forward(ada, own, seq, hidden), "not_found")
    assert_problem(await forward(ada, own, seq, public), "forbidden")
    assert_problem(await forward(ada, own, seq, own, text="x" * 4001), "invalid", "text")
    archived = await ada.makes_room()
    assert_ok(await ada.delete(f"/rooms/{archived}"), 204)
    assert_problem(await forward(ada, own, seq, archived), "room_archived")


async def test_a_forwarded_message_without_a_text_is_forwarded_as_its_source(
    ada: Person, bob: Person
) -> None:
    source, second, third = [await ada.makes_room("private", bob) for _ in range(3)]
    (seq,) = await bob.says(source, "origin")
    first = assert_ok(await forward(ada, source, seq, second), 201)
    again = assert_ok(await forward(bob, second, first["seq"], third), 201)
    assert again["forwarded"] == first["forwarded"]
    commented = assert_ok(await forward(ada, source, seq, second, "g", text="mine"), 201)
    last = assert_ok(await forward(ada, second, commented["seq"], third), 201)
    assert (last["forwarded"]["text"], last["forwarded"]["sender"]) == ("mine", ada.id)


async def test_only_the_comment_of_a_forwarded_message_mentions(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    (seq,) = await ada.says(room, f"@{bob.username}")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=seq))
    assert_ok(await forward(ada, room, seq, room), 201)
    assert (await bob.room(room))["mentions"] == 0
    message = assert_ok(await forward(ada, room, seq, room, "g", text=f"@{bob.username}"), 201)
    assert message["mentions"] == [bob.id]
    assert (await bob.room(room))["mentions"] == 1
