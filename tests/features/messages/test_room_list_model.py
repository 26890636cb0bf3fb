"""What the list of rooms says of a room, against a model that counts the log.

A new feature joins with a method of `Room`, and a line of `STEPS`; what it shows, with a line of
`Model.shown`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.notifications.decide import Count, Recipient, SentMessage, decide
from app.wire.domain import MentionKind, NotificationLevel, PresenceState, RoomKind
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import CLUSTER_IS_LONG, TestServer, unique_username

PEOPLE = st.integers(0, 2)
MANY = st.sets(st.sampled_from(["room", "here", "group"]))
SAY = st.tuples(
    st.just("say"),
    st.integers(0, 2) | st.just(0),  # the owner may mention all
    st.sets(PEOPLE),
    MANY,
)
LEVELS = st.none() | st.sampled_from(NotificationLevel)
STEPS = st.one_of(
    SAY,
    SAY,
    st.tuples(st.just("go_online"), st.sets(PEOPLE)),
    st.tuples(st.just("set_group"), st.sets(PEOPLE)),
    st.tuples(st.just("set_level"), PEOPLE, LEVELS),
    st.tuples(st.just("set_room"), PEOPLE, LEVELS, st.booleans()),
    st.tuples(st.just("block"), PEOPLE, PEOPLE, st.booleans()),
    st.tuples(st.just("repeat"), PEOPLE),
    st.tuples(st.just("read"), PEOPLE, st.integers(0, 30)),
    st.tuples(st.just("unread"), PEOPLE, st.integers(0, 30)),
    st.tuples(st.just("join"), st.integers(1, 2)),
    st.tuples(st.just("leave"), st.integers(1, 2)),
    st.tuples(st.just("remove"), st.integers(1, 2)),
    st.tuples(st.just("edit"), st.integers(0, 30), st.sets(PEOPLE), MANY),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.tuples(st.just("reply"), PEOPLE, st.integers(0, 30), st.sets(PEOPLE), st.booleans()),
    st.tuples(st.just("reply"), PEOPLE, st.integers(0, 2), st.sets(PEOPLE), st.just(False)),
    st.tuples(st.just("follow"), PEOPLE, st.integers(0, 2), st.booleans()),
    st.tuples(st.just("read_thread"), PEOPLE, st.integers(0, 2), st.integers(0, 30)),
    st.tuples(st.just("delete_reply"), st.integers(0, 30)),
)


@dataclass
class Said:
    """A message; the event of its room, otherwise, is None."""

    sender: int
    text: str
    named: set[int] = field(default_factory=set)
    version: int = 1
    many: set[str] = field(default_factory=set)  # "room", "here", "group"
    online: set[int] = field(default_factory=set)
    thread: int | None = None  # the root
    also_in_room: bool = False
    is_deleted: bool = False

    @property
    def in_timeline(self) -> bool:
        return not self.is_deleted and (self.thread is None or self.also_in_room)


@dataclass
class Follower:
    is_following: bool
    marker: int


@dataclass
class Model:
    """A simple model of a room. The first of its people is the owner."""

    log: list[Said | None] = field(default_factory=lambda: [None, None])
    markers: dict[int, int] = field(default_factory=lambda: {0: 2})
    nonces: dict[int, tuple[str, str]] = field(default_factory=dict)
    online: set[int] = field(default_factory=set)
    group: set[int] = field(default_factory=set)
    levels: dict[int, NotificationLevel | None] = field(default_factory=dict)
    room_settings: dict[int, tuple[NotificationLevel | None, bool]] = field(default_factory=dict)
    followers: dict[tuple[int, int], Follower] = field(default_factory=dict)  # by root and person
    blocks: set[tuple[int, int]] = field(default_factory=set)  # who, whom

    @property
    def seq(self) -> int:
        return len(self.log)

    def shown(self, person: int) -> dict[str, Any]:
        """What a member sees of the room."""
        marker = self.markers[person]
        counts = [self.count(person, said) for _, said in self.messages(marker)]
        return {
            "seq": self.seq,
            "read_seq": marker,
            "unread": len(counts) - counts.count(Count.NOTHING),
            "mentions": counts.count(Count.MENTION),
            "last_message": self.last_message(),
            "unread_threads": sum(unread > 0 for unread, _ in self.threads(person).values()),
        }

    def mention(self, said: Said, named: set[int], many: set[str]) -> None:
        """Only members are mentioned; a name that is not one is only text. Who may not mention all
        only writes it."""
        said.named = named & self.markers.keys()
        said.many = many if said.sender == 0 else many & {"group"}
        said.online = self.online & self.markers.keys()

    def messages(self, after: int = 0) -> list[tuple[int, Said]]:
        """seq and message, of those that the room shows."""
        logged = enumerate(self.log[after:], after + 1)
        return [(seq, said) for seq, said in logged if said and said.in_timeline]

    def count(self, person: int, said: Said) -> Count:
        mentions = {
            MentionKind.DIRECT: person in said.named,
            MentionKind.ROOM: "room" in said.many,
            MentionKind.HERE: "here" in said.many and person in said.online,
            MentionKind.GROUP: "group" in said.many and person in self.group,
        }
        level, muted = self.room_settings.get(person, (None, False))
        recipient = Recipient(
            UUID(int=person),
            RoomKind.PUBLIC,
            has_muted=muted,
            level=level,
            default_level=self.levels.get(person),
            mentions=frozenset(kind for kind, applies in mentions.items() if applies),
            has_blocked=(person, said.sender) in self.blocks,
        )
        return decide(SentMessage(UUID(int=said.sender), said.text), recipient).count

    def replies(self, root: int) -> dict[int, Said]:
        """Those that are not deleted."""
        return {
            seq: said
            for seq, said in enumerate(self.log, 1)
            if said and said.thread == root and not said.is_deleted
        }

    def roots(self) -> list[int]:
        return [seq for seq, said in enumerate(self.log, 1) if said and said.thread is None]

    def threads(self, person: int) -> dict[int, tuple[int, int]]:
        """Unread replies and mentions in the threads that a person follows."""
        threads = {}
        for (root, who), follower in self.followers.items():
            replies = self.replies(root)
            if who == person and follower.is_following and replies:
                unread = [said for seq, said in replies.items() if seq > follower.marker]
                assert all(said.sender != person for said in unread)
                threads[root] = (
                    len(unread),
                    sum(
                        person in said.named and (person, said.sender) not in self.blocks
                        for said in unread
                    ),
                )
        return threads

    def last_message(self) -> tuple[int, int, str] | None:
        """seq, sender and text."""
        messages = self.messages()
        return (messages[-1][0], messages[-1][1].sender, messages[-1][1].text) if messages else None


class Room:
    """The same steps, on the server and in the model."""

    def __init__(self, people: list[Person], room: str, group: "Group") -> None:
        self._people, self._room, self._model = people, room, Model()
        self._path = f"/rooms/{room}"
        self._group = group

    @property
    def online(self) -> Collection[str]:
        return {self._people[who].id for who in self._model.online}

    async def say(self, who: int, named: set[int], many: set[str]) -> None:
        model, person = self._model, self._people[who]
        text = self._text("hello", named, many)
        nonce = uuid4().hex
        answer = await person.sends(self._room, text, nonce)
        if who not in model.markers:
            assert_problem(answer, "forbidden")
            return
        said = Said(who, text)
        model.mention(said, named, many)
        model.log.append(said)
        model.nonces[who] = (nonce, text)
        model.markers[who] = model.seq  # who writes has read
        assert assert_ok(answer, 201)["seq"] == model.seq

    def _text(self, word: str, named: set[int], many: set[str]) -> str:
        handles = [self._people[other].username for other in named]
        handles += [self._group.handle if name == "group" else name for name in many]
        return " ".join([word, *(f"@{handle}" for handle in handles)])

    async def edit(self, number: int, named: set[int], many: set[str]) -> None:
        """By its sender, who may have left."""
        model = self._model
        if not (messages := model.messages()):
            return
        seq, said = messages[number % len(messages)]
        text = self._text(f"edit {said.version}", named, many)
        path = f"{self._path}/messages/{seq}"
        answer = await self._people[said.sender].patch(path, text=text, version=said.version)
        if said.sender not in model.markers:
            assert_problem(answer, "forbidden")
            return
        assert_ok(answer)
        model.log.append(None)
        said.text, said.version = text, said.version + 1
        model.mention(said, named, many)

    async def delete(self, number: int) -> None:
        """By the owner."""
        model = self._model
        if messages := model.messages():
            seq, said = messages[number % len(messages)]
            assert_ok(await self._people[0].delete(f"{self._path}/messages/{seq}"))
            model.log.append(None)
            said.is_deleted = True
            if said.thread is not None:
                model.log.append(None)  # that of its root

    async def go_online(self, who: set[int]) -> None:
        """Only these are, when the next message is sent."""
        self._model.online = who

    async def set_group(self, who: set[int]) -> None:
        """A mention of the group counts for who is in it now."""
        self._model.group = who
        await self._group.set([self._people[number] for number in who])

    async def set_level(self, who: int, level: NotificationLevel | None) -> None:
        self._model.levels[who] = level
        assert_ok(await self._people[who].put("/users/me/notifications", level=level))

    async def set_room(self, who: int, level: NotificationLevel | None, muted: bool) -> None:
        answer = await self._people[who].put(
            f"{self._path}/notifications", level=level, muted=muted
        )
        if who in self._model.markers:
            assert_ok(answer)
            self._model.room_settings[who] = level, muted
        else:
            assert_problem(answer, "forbidden")

    async def reply(self, who: int, n: int, named: set[int], also_in_room: bool) -> None:
        model, person = self._model, self._people[who]
        if not (root := self._pick_root(n)):
            return
        text = " ".join(["reply", *(f"@{self._people[other].username}" for other in named)])
        answer = await person.sends(self._room, text, thread=root, also_in_room=also_in_room)
        if who not in model.markers:
            assert_problem(answer, "forbidden")
            return
        first = model.log[root - 1]
        assert first
        if first.is_deleted:
            assert_problem(answer, "invalid")
            return
        said = Said(who, text, named & model.markers.keys(), thread=root, also_in_room=also_in_room)
        is_first = not model.replies(root)
        model.log += [said, None]
        seq = model.seq - 1
        assert assert_ok(answer, 201)["seq"] == seq
        if also_in_room:
            model.markers[who] = seq
        self._follow(root, who, seq).marker = seq
        if is_first and first.sender in model.markers:
            self._follow(root, first.sender, root)
        for other in said.named - {who}:
            self._follow(root, other, seq - 1)

    def _pick_root(self, n: int) -> int | None:
        roots = self._model.roots()
        return roots[n % len(roots)] if roots else None

    def _follow(self, root: int, who: int, marker: int) -> Follower:
        return self._model.followers.setdefault((root, who), Follower(True, marker))

    async def follow(self, who: int, n: int, following: bool) -> None:
        model = self._model
        if not (root := self._pick_root(n)):
            return
        path = f"{self._path}/threads/{root}/follow"
        answer = await self._people[who].call("PUT" if following else "DELETE", path)
        if who not in model.markers:
            assert_problem(answer, "forbidden")
            return
        assert assert_ok(answer)["following"] == following
        follower = model.followers.get((root, who))
        if follower is None or follower.is_following != following:
            read = max([root, *model.replies(root)])
            marker = max(read, follower.marker if follower else 0)
            model.followers[root, who] = Follower(following, marker)

    async def read_thread(self, who: int, n: int, seq: int) -> None:
        model = self._model
        if not (root := self._pick_root(n)):
            return
        answer = await self._people[who].put(f"{self._path}/threads/{root}/read", seq=seq)
        if who not in model.markers:
            assert_problem(answer, "forbidden")
            return
        follower = model.followers.get((root, who))
        if follower and follower.is_following:
            follower.marker = max(follower.marker, min(seq, model.seq))
            assert assert_ok(answer)["read_seq"] == follower.marker

    async def delete_reply(self, n: int) -> None:
        """By the owner."""
        model = self._model
        replies = {seq: said for root in model.roots() for seq, said in model.replies(root).items()}
        if replies:
            seq = sorted(replies)[n % len(replies)]
            assert_ok(await self._people[0].delete(f"{self._path}/messages/{seq}"))
            replies[seq].is_deleted = True
            model.log += [None, None]

    async def block(self, who: int, whom: int, blocks: bool) -> None:
        path = f"/users/me/blocks/{self._people[whom].id}"
        answer = await self._people[who].call("PUT" if blocks else "DELETE", path)
        if blocks and who == whom:
            assert_problem(answer, "invalid")
            return
        assert answer.is_success
        (self._model.blocks.add if blocks else self._model.blocks.discard)((who, whom))

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
        for root, follower in list(self._model.followers):
            if follower == who:
                del self._model.followers[root, follower]
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
            room.setdefault("unread_threads", 0)
            threads = assert_ok(await person.get("/users/me/threads", limit=100))["items"]
            assert {
                one["root"]["seq"]: (one["unread"], one["mentions"]) for one in threads
            } == self._model.threads(who), (who, self._model)
            if last := room["last_message"]:
                sender = [other.id for other in self._people].index(last["sender"])
                room["last_message"] = last["seq"], sender, last["text"]
            assert {name: room[name] for name in expected} == expected, (who, self._model)


class Group:
    """A user group of the server."""

    def __init__(self, admin: Person, handle: str, group: str) -> None:
        self._admin, self.handle, self._path = admin, handle, f"/groups/{group}/members"

    async def set(self, people: list[Person]) -> None:
        wanted = {person.id for person in people}
        page = assert_ok(await self._admin.get(self._path))["items"]
        members = {user["id"] for user in page}
        for user in wanted - members:
            assert_ok(await self._admin.put(f"{self._path}/{user}"), 204)
        for user in members - wanted:
            assert_ok(await self._admin.delete(f"{self._path}/{user}"), 204)


@pytest.fixture
async def group(server: TestServer, http: httpx.AsyncClient) -> Group:
    admin, handle = await server.administrator(http), unique_username("group")
    return Group(admin, handle, await admin.makes_group(handle))


@pytest.mark.parametrize("server", CLUSTER_IS_LONG, indirect=True)
# The people stay; each example has a room of its own.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=20))
async def test_the_list_of_rooms_equals_a_recount_of_the_log(
    unpaced_markers: None,
    server: TestServer,
    monkeypatch: pytest.MonkeyPatch,
    group: Group,
    ada: Person,
    bob: Person,
    eve: Person,
    steps: list[tuple[str, object]],
) -> None:
    people = [ada, bob, eve]
    room = Room(people, await ada.makes_room(), group)

    async def read_states(_: object, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        online, offline = PresenceState.ONLINE, PresenceState.OFFLINE
        return {user: online if str(user) in room.online else offline for user in users}

    monkeypatch.setattr(type(server.context.presence), "read_states", read_states)
    for name, *arguments in steps:
        await getattr(room, name)(*arguments)
    await room.check()
    # So that the list, which the check reads, does not grow from example to example.
    for person in people[1:]:
        await person.post(f"{room._path}/leave")
    assert_ok(await ada.delete(room._path), 204)
    assert_ok(await ada.post(f"{room._path}/leave"), 204)
    for person in people:
        assert_ok(await person.put("/users/me/notifications"))
        for other in people:
            assert_ok(await person.delete(f"/users/me/blocks/{other.id}"), 204)
    await group.set([])
