"""A random walk: people of all standings send random requests and frames about random objects, and
whatever they receive is searched for canaries that they may not see."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from app.persistence.tables import Member, Room
from app.wire.domain import Role
from testkit.server import TestServer
from tests.authorization.canaries import Canaries, Memberships
from tests.authorization.documents import Operation, read_operations
from tests.authorization.traces import note_frame, note_request
from tests.authorization.watcher import Watcher
from tests.authorization.world import Step, World
from tests.features.use_cases import tomorrow

# They end sessions, or make accounts and rooms; the matrix has them.
LEFT_OUT = {
    *("log_out", "change_password", "revoke_session", "ban_user", "unban_user", "set_up_server"),
    *("register_account", "issue_token", "log_in_with_cookie", "renew_cookie"),
    *("log_out_with_cookie", "create_room", "update_me", "create_group", "update_group"),
    *("block_user", "unblock_user"),  # they are about messages to come
}
OPERATIONS = {id_: op for id_, op in read_operations().items() if id_ not in LEFT_OUT}
# More often than the others, so that there is something to see.
FREQUENT = {"send_message": 15, "edit_message": 5, "list_messages": 3, "search_messages": 3}
FREQUENT |= {"list_events": 3, "add_members": 3, "join_room": 3, "delete_message": 2}
FREQUENT |= {"list_message_versions": 3, "get_message": 3, "update_room": 2}
# None: a topic.
CHANGES_OF_ROOMS: tuple[dict[str, Any] | None, ...] = (
    *(None, None, {"archived": False}, {"archived": False}),
    *({"settings": {"history": history}} for history in ("all", "since_joining")),
)
FRAMES = (
    *("open", "open", "history", "message.send", "message.send", "message.edit", "close"),
    *("reaction.add", "reaction.remove", "read", "typing"),
)
SHARE_OF_FRAMES = 0.25
SEARCHES = {"search", "search_messages"}


class Leak(AssertionError):
    """Somebody has received a canary that they may not see."""


class Walk:
    def __init__(
        self, server: TestServer, http: httpx.AsyncClient, watchers: list[Watcher], world: World
    ) -> None:
        self._server, self._http, self._watchers, self.world = server, http, watchers, world
        self.canaries = Canaries()
        self.done = 0  # requests and frames that were not refused

    async def start(self) -> None:
        await self._read_state()
        await self._look_at_sockets(self.canaries.memberships)

    async def run(self, seed: int, steps: int) -> None:
        """Raises Leak."""
        chance = random.Random(seed)
        weights = [FREQUENT.get(id_, 1) for id_ in OPERATIONS]
        for number in range(steps):
            watcher = chance.choice(self._watchers)
            before = self.canaries.memberships
            try:
                if chance.random() < SHARE_OF_FRAMES:
                    await self._send_frame(chance, watcher)
                else:
                    [id_] = chance.choices(list(OPERATIONS), weights)
                    await self._send_request(chance, watcher, OPERATIONS[id_])
                await self._look_at_sockets(before)
            except Leak as leak:
                raise Leak(f"seed {seed}, step {number}: {leak}") from None

    # Requests.

    async def _send_request(
        self, chance: random.Random, watcher: Watcher, operation: Operation
    ) -> None:
        before = self.canaries.memberships
        step = self._make_request(chance, watcher, operation)
        path = operation.path
        for name, value in step.ids.items():
            path = path.replace(f"{{{name}}}", quote(str(value)))
        answer = await self._http.request(
            operation.method,
            path,
            params=step.query,
            json=step.body or None,
            headers={"Authorization": f"Bearer {watcher.person.access}"},
        )
        assert answer.status_code < 500, f"{step.name}: {answer.text}"
        if operation.method != "GET":
            await self._read_state()
        is_done = answer.status_code < 300
        self.done += is_done
        if is_done:
            note_request(self.canaries, self.world, step, answer.json() if answer.content else {})
        self._check_answer(step, answer, before)

    def _check_answer(self, step: Step, answer: httpx.Response, before: Memberships) -> None:
        """The membership of the caller may end, or begin, with the request."""
        text = answer.text + "".join(answer.headers.values())
        hidden = self._find_hidden(text, step.user, before) - {*step.words}
        if step.name == "preview_invite":
            hidden = {word for word in hidden if not self.canaries.is_shown_by_invites(word)}
        if hidden:
            self._fail(step.name, step, hidden)
        query = step.query.get("q", "")
        if step.name == "search_messages" and answer.status_code == 200:
            is_hidden = self.canaries.find_hidden(query, step.user)
            if is_hidden and answer.json()["items"]:
                self._fail("a number of results of search_messages", step, is_hidden)

    def _make_request(self, chance: random.Random, watcher: Watcher, operation: Operation) -> Step:
        step = Step(watcher, operation.id)
        room = chance.choice(self.world.rooms)
        step.ids = {
            "room_id": room,
            "user_id": chance.choice(self._watchers).person.id,
            "seq": chance.choice(self.world.seqs[room][-20:]),
            "role": chance.choice(list(Role)),
            "emoji": "🎉",
            "code": chance.choice(self.world.codes),
        }
        for name, known in self.world.ids.items():
            step.ids[name] = chance.choice(known[-20:] or [str(uuid4())])
        if operation.query or operation.id in SEARCHES:
            step.query = {"q": self._make_query(chance)}
        if operation.id == "list_events":
            step.query = {"after": str(chance.randrange(1 + self.canaries.heads[room]))}
        body = operation.copy_body()
        if body is not None:
            step.body = {name: self._make_value(chance, step, name, body[name]) for name in body}
        self._extend_body(chance, step)
        return step

    def _make_query(self, chance: random.Random) -> str:
        word = chance.choice(self.world.words or ["hello"])
        user = chance.choice(self._watchers).person.username
        return chance.choice([word, word, word[:10], f"{word} has:poll", f"from:{user}", "hello"])

    def _make_value(self, chance: random.Random, step: Step, name: str, example: Any) -> Any:
        def pick_user() -> str:
            return chance.choice(self._watchers).person.id

        makers: dict[str, Callable[[], Any]] = {
            "text": lambda: self._make_text(chance, step),
            "note": lambda: self._make_text(chance, step),
            "topic": lambda: self._make_text(chance, step),
            "reason": lambda: self._make_text(chance, step),
            "keywords": lambda: [self._make_word(step)],
            "nonce": lambda: uuid4().hex,
            "room": lambda: step.ids["room_id"],
            "to": lambda: chance.choice(self.world.rooms),
            "users": lambda: [pick_user()],
            "user": pick_user,
            "seq": lambda: step.ids["seq"],
            "seqs": lambda: [step.ids["seq"]],
            "due_at": tomorrow,
            "until": lambda: chance.choice([None, tomorrow()]),
            "version": lambda: chance.choice([1, 1, 2]),
            "role": lambda: chance.choice(list(Role)),
        }
        return makers[name]() if name in makers else example

    def _extend_body(self, chance: random.Random, step: Step) -> None:
        if step.name == "send_message":
            self._extend_message(chance, step)
        if step.name == "time_out_member":
            step.body["until"] = tomorrow()
        if step.name == "update_room" and (change := chance.choice(CHANGES_OF_ROOMS)):
            step.body, step.words = change, []

    def _extend_message(self, chance: random.Random, step: Step) -> None:
        """With a quote, in a thread, or with a poll."""
        match chance.randrange(5):
            case 0:
                step.body["reply_to"] = step.ids["seq"]
            case 1:
                step.body["thread"] = step.ids["seq"]
            case 2:
                options = [self._make_word(step), self._make_word(step)]
                step.body["poll"] = {"options": options, "may_add": True}
            case _:
                pass

    def _make_text(self, chance: random.Random, step: Step) -> str:
        return f"hello {self._make_word(step)} @{chance.choice(self._watchers).person.username}"

    def _make_word(self, step: Step) -> str:
        word = self.canaries.make_word()
        step.words.append(word)
        self.world.words = [*self.world.words[-50:], word]
        return word

    # Frames.

    async def _send_frame(self, chance: random.Random, watcher: Watcher) -> None:
        step = self._make_frame(chance, watcher)
        answer = await watcher.ask(step.name, **step.body)
        if step.name in {"message.send", "message.edit"}:
            await self._read_state()
        if answer.get("type") == "ack":
            self.done += 1
            note_frame(self.canaries, self.world, step, answer)

    def _make_frame(self, chance: random.Random, watcher: Watcher) -> Step:
        step = Step(watcher, chance.choice(FRAMES))
        room = chance.choice(self.world.rooms)
        seq = chance.choice(self.world.seqs[room][-20:])
        step.ids = {"room_id": room, "seq": seq}
        match step.name:
            case "open":
                position = {"room": room, "since": chance.randrange(1 + self.canaries.heads[room])}
                step.body = {"rooms": [chance.choice([position, {"room": room}])]}
            case "close":
                step.body = {"rooms": [room]}
            case "history" | "typing":
                step.body = {"room": room}
            case "message.send":
                text = self._make_text(chance, step)
                step.body = {"room": room, "nonce": uuid4().hex, "text": text}
            case "message.edit":
                text, version = self._make_text(chance, step), chance.choice([1, 1, 2])
                step.body = {"room": room, "seq": seq, "text": text, "version": version}
            case "read":
                step.body = {"room": room, "seq": seq}
            case _:
                step.body = {"room": room, "seq": seq, "emoji": "🎉"}
        return step

    # What people receive.

    async def _look_at_sockets(self, before: Memberships) -> None:
        """When every socket has all that was sent because of the last step. What is sent to a
        member until the membership ends, or from its beginning on, is none of a stranger."""
        for watcher in self._watchers:
            await watcher.catch_up(self.canaries.heads, self.canaries.memberships)
            frames = watcher.take_frames()
            user = watcher.person.id
            hidden = self._find_hidden(frames, user, before)
            if hidden := {word for word in hidden if not self.canaries.was_told(word, user)}:
                self._fail("frames of a socket", Step(watcher, frames[:3000]), hidden)

    def _find_hidden(self, text: str, user: str, before: Memberships) -> set[str]:
        hidden = self.canaries.find_hidden(text, user)
        return {word for word in hidden if not self.canaries.may_see(word, user, before)}

    def _fail(self, what: str, step: Step, hidden: set[str]) -> None:
        words = ", ".join(map(self.canaries.describe, sorted(hidden)))
        raise Leak(f"{what} show {step.watcher.person.username} ({step.user}) {words}: {step}")

    async def _read_state(self) -> None:
        """Who is in which room, how long its log is, and whether it hides it from new members: from
        the tables, not from the server."""
        rooms = [UUID(room) for room in self.world.rooms]
        roles: dict[str, dict[str, Role]] = {room: {} for room in self.world.rooms}
        async with self._server.context.database._engines.read.connect() as connection:
            states = (
                await connection.execute(
                    select(Room.id, Room.seq, Room.settings).where(Room.id.in_(rooms))
                )
            ).all()
            members = await connection.execute(
                select(Member.room_id, Member.user_id, Member.role).where(Member.room_id.in_(rooms))
            )
            for room, user, role in members:
                roles[str(room)][str(user)] = Role(role)
        heads = {str(room): seq for room, seq, _ in states}
        hiding = {str(room) for room, _, settings in states if "since_joining" in (settings or "")}
        self.canaries.update(roles, heads, hiding)
