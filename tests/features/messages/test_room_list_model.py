"""What the list of rooms says of a room, against a model that counts the log.

A new feature joins with a method of `Room`, and a line of `STEPS`; what it shows, with a line of
`Model.shown`.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person

PEOPLE = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("say"), PEOPLE, st.sets(PEOPLE)),
    st.tuples(st.just("say"), PEOPLE, st.sets(PEOPLE)),
    st.tuples(st.just("repeat"), PEOPLE),
    st.tuples(st.just("read"), PEOPLE, st.integers(0, 30)),
    st.tuples(st.just("unread"), PEOPLE, st.integers(0, 30)),
    st.tuples(st.just("join"), st.integers(1, 2)),
    st.tuples(st.just("leave"), st.integers(1, 2)),
    st.tuples(st.just("remove"), st.integers(1, 2)),
    st.tuples(st.just("edit"), st.integers(0, 30), st.sets(PEOPLE)),
    st.tuples(st.just("delete"), st.integers(0, 30)),
)


@dataclass
class Said:
    """A message; the event of its room, otherwise, is None."""

    sender: int
    named: set[int]
    text: str
    version: int = 1
    deleted: bool = False


@dataclass
class Model:
    """A simple model of a room. The first of its people is the owner."""

    log: list[Said | None] = field(default_factory=lambda: [None, None])
    markers: dict[int, int] = field(default_factory=lambda: {0: 2})
    nonces: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return len(self.log)

    def shown(self, person: int) -> dict[str, Any]:
        """What a member sees of the room."""
        marker = self.markers[person]
        others = [said for _, said in self.messages(marker) if said.sender != person]
        return {
            "seq": self.seq,
            "read_seq": marker,
            "unread": len(others),
            "mentions": sum(person in said.named for said in others),
            "last_message": self.last_message(),
        }

    def messages(self, after: int = 0) -> list[tuple[int, Said]]:
        """seq and message, of those that are not deleted."""
        logged = enumerate(self.log[after:], after + 1)
        return [(seq, said) for seq, said in logged if said and not said.deleted]

    def last_message(self) -> tuple[int, int, str] | None:
        """seq, sender and text."""
        messages = self.messages()
        return (messages[-1][0], messages[-1][1].sender, messages[-1][1].text) if messages else None


class Room:
    """The same steps, on the server and in the model."""

    def __init__(self, people: list[Person], room: str) -> None:
        self._people, self._room, self._model = people, room, Model()
        self._path = f"/rooms/{room}"

    async def say(self, who: int, named: set[int]) -> None:
        model, person = self._model, self._people[who]
        text = self._text("hello", named)
        nonce = uuid4().hex
        answer = await person.sends(self._room, text, nonce)
        if who not in model.markers:
            assert_problem(answer, "forbidden")
            return
        # Only members are mentioned; a name that is not one is only text.
        model.log.append(Said(who, named & model.markers.keys(), text))
        model.nonces[who] = (nonce, text)
        model.markers[who] = model.seq  # who writes has read
        assert assert_ok(answer, 201)["seq"] == model.seq

    def _text(self, word: str, named: set[int]) -> str:
        return " ".join([word, *(f"@{self._people[other].username}" for other in named)])

    async def edit(self, number: int, named: set[int]) -> None:
        """By its sender, who may have left."""
        model = self._model
        if not (messages := model.messages()):
            return
        seq, said = messages[number % len(messages)]
        text = self._text(f"edit {said.version}", named)
        path = f"{self._path}/messages/{seq}"
        answer = await self._people[said.sender].patch(path, text=text, version=said.version)
        if said.sender not in model.markers:
            assert_problem(answer, "forbidden")
            return
        assert_ok(answer)
        model.log.append(None)
        said.text, said.named = text, named & model.markers.keys()
        said.version += 1

    async def delete(self, number: int) -> None:
        """By the owner."""
        model = self._model
        if messages := model.messages():
            seq, said = messages[number % len(messages)]
            assert_ok(await self._people[0].delete(f"{self._path}/messages/{seq}"))
            model.log.append(None)
            said.deleted = True

    async def repeat(self, who: int) -> None:
        """Repeat the last send: it changes nothing, and a removed sender gets no error."""
        if who in self._model.nonces:
            nonce, text = self._model.nonces[who]
            answer = await self._people[who].sends(self._room, text, nonce)
            assert answer.status_code == 200

    async def read(self, who: int, seq: int) -> None:
        answer = await self._people[who].put(f"{self._path}/read", seq=seq)
        moved = max(self._model.markers.get(who, 0), min(seq, self._model.seq))
        self._check_marker(who, moved, answer)

    async def unread(self, who: int, seq: int) -> None:
        answer = await self._people[who].post(f"{self._path}/unread", seq=seq)
        self._check_marker(who, min(max(seq - 1, 0), self._model.seq), answer)

    def _check_marker(self, who: int, marker: int, answer: httpx.Response) -> None:
        model = self._model
        if who in model.markers:
            model.markers[who] = marker
            shown = model.shown(who)
            assert assert_ok(answer) == {
                "seq": marker,
                "unread": shown["unread"],
                "mentions": shown["mentions"],
            }
        else:
            assert_problem(answer, "forbidden")

    async def join(self, who: int) -> None:
        model = self._model
        if who not in model.markers:
            model.log.append(None)
            model.markers[who] = model.seq
        assert_ok(await self._people[who].post(f"{self._path}/join"))

    async def leave(self, who: int) -> None:
        answer = await self._people[who].post(f"{self._path}/leave")
        assert answer.status_code == (204 if self._goes(who) else 403)

    async def remove(self, who: int) -> None:
        path = f"{self._path}/members/{self._people[who].id}"
        answer = await self._people[0].delete(path)
        assert answer.status_code == (204 if self._goes(who) else 404)

    def _goes(self, who: int) -> bool:
        if self._model.markers.pop(who, None) is None:
            return False
        self._model.log.append(None)
        return True

    async def check(self) -> None:
        """Every member sees what the model shows, in the room and in the room list."""
        for who in self._model.markers:
            person = self._people[who]
            expected = self._model.shown(who)
            room = await person.room(self._room)
            listed = assert_ok(await person.get("/rooms", limit=100))["items"]
            (same,) = [one for one in listed if one["id"] == self._room]
            assert same == room
            if last := room["last_message"]:
                sender = [other.id for other in self._people].index(last["sender"])
                room["last_message"] = last["seq"], sender, last["text"]
            assert {name: room[name] for name in expected} == expected, (who, self._model)


# The people stay; each example has a room of its own.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=20))
async def test_the_list_of_rooms_equals_a_recount_of_the_log(
    unpaced_markers: None, ada: Person, bob: Person, eve: Person, steps: list[tuple[str, object]]
) -> None:
    people = [ada, bob, eve]
    room = Room(people, await ada.makes_room())
    for name, *arguments in steps:
        await getattr(room, name)(*arguments)
    await room.check()
    # So that the list, which the check reads, does not grow from example to example.
    for person in people[1:]:
        await person.post(f"{room._path}/leave")
    assert_ok(await ada.delete(room._path), 204)
    assert_ok(await ada.post(f"{room._path}/leave"), 204)
