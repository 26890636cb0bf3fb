"""Clients of a fault-injection run: they record everything, resume, page skipped ranges, and
repeat each message until it is acked.

They implement docs/protocol.md without the Python client of the program, so that a defect of that
client cannot hide a defect of the server.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from tests.faults.cluster import SERVERS, Cluster
from tests.faults.history import (
    Badge,
    Entry,
    History,
    Marker,
    Page,
    RoomReplica,
    Send,
    Subscription,
)

Frame = dict[str, Any]
ANSWER_S = 10.0
# The servers send a ping after 2 s of silence.
SILENCE_S = 8.0
REST_S = (0.05, 0.5)
NEVER_S = 0.2
STOP = 4400  # close codes from here on tell a client to stop
UNREACHABLE = (OSError, InvalidHandshake, InvalidMessage, ConnectionClosed, TimeoutError)
EXPECTED_REFUSALS = {"not_found", "forbidden"}  # about a membership; no other refusal is expected


class Unanswered(Exception):
    """The connection was lost or the response is late: the outcome is unknown."""


class RequestRejected(Exception):
    def __init__(self, code: str, retry: str, after_ms: int | None) -> None:
        super().__init__(code)
        self.code, self.retry = code, retry
        self.wait_s = min((after_ms or 0) / 1000, 1.0)


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    token: str


@dataclass
class RunContext:
    """What all clients of a run share."""

    cluster: Cluster
    history: History
    rng: random.Random
    http: httpx.AsyncClient
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # no client starts anything new

    def record_violation(self, kind: str, text: str) -> None:
        if len(self.history.observed_violations) < 1000:
            self.history.observed_violations.append((kind, text))

    async def call(
        self,
        account: Account | None,
        method: str,
        path: str,
        *,
        server: int | None = None,
        **options: Any,
    ) -> httpx.Response:
        """One request, to a random server by default. Raises Unanswered or RequestRejected."""
        if server is None:
            server = self.rng.randrange(SERVERS)
        headers = {"Authorization": f"Bearer {account.token}"} if account else {}
        try:
            answer = await self.http.request(
                method,
                f"http://{self.cluster.gate(server)}/api/v1{path}",
                headers=headers,
                **options,
            )
        except (httpx.TransportError, OSError) as error:
            raise Unanswered from error
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
            rejection = RequestRejected(
                problem["code"], problem["retry"], problem.get("retry_after_ms")
            )
        except (ValueError, KeyError):
            self.record_violation(
                "no problem", f"{method} {path}: {answer.status_code} {answer.text}"
            )
            raise Unanswered from None
        self.check_refusal(rejection, f"{method} {path}: {answer.text}")
        raise rejection

    def check_refusal(self, rejection: RequestRejected, where: str) -> None:
        """Record a refusal that no fault explains."""
        if rejection.code == "internal":
            self.record_violation("internal", where)
        elif rejection.retry == "never" and rejection.code not in EXPECTED_REFUSALS:
            self.record_violation("false refusal", where)

    async def retry_until_done(
        self, account: Account | None, method: str, path: str, **options: Any
    ) -> httpx.Response:
        """Repeat a request until it succeeds. Raises RequestRejected if it never can."""
        while True:
            try:
                return await self.call(account, method, path, **options)
            except Unanswered:
                await self.rest()
            except RequestRejected as rejection:
                if rejection.retry == "never":
                    raise
                await asyncio.sleep(rejection.wait_s)

    async def rest(self) -> None:
        await asyncio.sleep(self.rng.uniform(*REST_S))


class Device:
    """A socket of a user that always reconnects with its positions.

    It opens every room of its user, except those in `closed`, of which it keeps the counts.
    """

    def __init__(
        self,
        context: RunContext,
        account: Account,
        home: int,
        closed: frozenset[str],
        *,
        keeps_server: bool,
    ) -> None:
        self.context, self.account, self.server = context, account, home
        self.replicas: dict[str, RoomReplica] = {}
        self.badges: dict[str, Badge] = {}
        self.reconnects = 0
        self._closed, self._keeps_server = closed, keeps_server
        self._rooms: set[str] = set()  # of the user, according to the server
        self._snapshot: str | None = None
        self._socket: ClientConnection | None = None
        self._has_room_list = False
        self._asked: set[str] = set()
        self._subscriptions: dict[str, Subscription] = {}
        self._next: dict[str, int] = {}  # the next seq that this socket has to receive
        self._buffered: dict[str, list[Entry]] = {}  # while the range before them is paged
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    @property
    def is_connected(self) -> bool:
        return self._has_room_list

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                with suppress(*UNREACHABLE):
                    await self._session()
                await self._drop_socket()
                self.reconnects += 1
                if not self._keeps_server:
                    self.server = self.context.rng.randrange(SERVERS)
                await self.context.rest()
        finally:
            await self._drop_socket()

    async def ask(self, type_: str, **fields: Any) -> Frame:
        """The answer to a frame. Raises Unanswered or RequestRejected."""
        socket = self._socket
        if socket is None or not self._has_room_list:
            raise Unanswered
        self._number += 1
        name = f"q{self._number}"
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            async with asyncio.timeout(ANSWER_S):
                await socket.send(orjson.dumps({"type": type_, "id": name, **fields}).decode())
                frame = await answer
        except UNREACHABLE as error:
            raise Unanswered from error
        finally:
            self._answers.pop(name, None)
        if frame["type"] == "error":
            rejection = RequestRejected(frame["code"], frame["retry"], frame.get("retry_after_ms"))
            self.context.check_refusal(rejection, f"{type_}: {frame}")
            raise rejection
        return frame

    async def _session(self) -> None:
        async with asyncio.timeout(ANSWER_S):
            self._socket = await connect(
                f"ws://{self.context.cluster.gate(self.server)}/ws",
                subprotocols=[Subprotocol("chat.v1")],
                proxy=None,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=0.5,
                max_size=None,
            )
        hello: Frame = {"type": "hello", "token": self.account.token}
        if self._snapshot and self.context.rng.random() < 0.7:
            hello["snapshot"] = self._snapshot
        positions = [self._position(room) for room in sorted(self._rooms - self._closed)]
        self._asked = {position["room"] for position in positions}
        await self._socket.send(orjson.dumps(hello | {"rooms": positions}).decode())
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    text = await self._socket.recv()
                self._handle(orjson.loads(text))
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code >= STOP:
                self.context.record_violation("false refusal", f"closed for good: {closed.rcvd}")
                await asyncio.sleep(NEVER_S)
            raise

    async def _drop_socket(self) -> None:
        """Forget the socket, and keep the positions."""
        socket, self._socket, self._has_room_list = self._socket, None, False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Unanswered())
                answer.exception()  # marks the exception as retrieved if the caller is gone
        for replica in self.replicas.values():
            replica.is_open = False
        for state in (self._subscriptions, self._next, self._buffered, self._asked):
            state.clear()
        if socket is not None:
            socket.transport.abort()
            with suppress(*UNREACHABLE):
                await socket.wait_closed()

    def _position(self, room: str) -> Frame:
        return {"room": room, "since": self._replica(room).position}

    def _replica(self, room: str) -> RoomReplica:
        if room not in self.replicas:
            self.replicas[room] = RoomReplica(self.account.id, room)
            self.context.history.replicas.append(self.replicas[room])
        return self.replicas[room]

    # Frames.

    def _handle(self, frame: Frame) -> None:
        if frame.get("id") in self._answers and frame["type"] in ("ack", "error"):
            answer = self._answers[frame["id"]]
            if not answer.done():
                answer.set_result(frame)
            return
        match frame["type"]:
            case "rooms":
                self._handle_rooms(frame)
            case "room.bumped":
                for entry in frame["rooms"]:
                    self._count(entry)
                self._open(frame["rooms"])
            case "room.opened":
                self._handle_opened(frame)
            case "room.closed":
                self._handle_closed(frame)
            case "ping":
                self._start_task(self._send({"type": "pong", "n": frame["n"]}))
            case "error":
                self._handle_error(frame)
            case _:
                if "actor" in frame:
                    self._handle_event(frame)

    def _handle_rooms(self, frame: Frame) -> None:
        if frame["full"]:
            self._rooms.clear()
            self.badges.clear()
        for entry in frame["rooms"]:
            self._count(entry)
        for room in frame.get("gone", ()):
            self._rooms.discard(room)
            self.badges.pop(room, None)
        self._snapshot = frame.get("snapshot", self._snapshot)
        self._has_room_list = True
        self._open([{"room": room} for room in self._rooms])

    def _count(self, entry: Frame) -> None:
        room = entry["room"]
        self._rooms.add(room)
        if room in self._closed:
            self.badges[room] = Badge(
                self.account.id, room, entry["seq"], entry["read_seq"], entry["unread"]
            )

    def _open(self, rooms: list[Frame]) -> None:
        names = {entry["room"] for entry in rooms} - self._closed - self._asked
        names = {room for room in names if room not in self._subscriptions}
        if names:
            self._asked |= names
            positions = [self._position(room) for room in sorted(names)]
            self._start_task(self._send({"type": "open", "rooms": positions}))

    def _handle_opened(self, frame: Frame) -> None:
        room, state = frame["room"], frame["state"]
        replica = self._replica(room)
        self._asked.discard(room)
        subscription = Subscription(frame["seq"], time.time(), frame["from"])
        replica.subscriptions.append(subscription)
        replica.is_open = True
        self._subscriptions[room] = subscription
        if state == "reset":  # no log is ever rewritten here
            self.context.record_violation("lost", f"{self._label(room)}: reset at {frame}")
        if frame["from"] != replica.position:
            self.context.record_violation("lost", f"{self._label(room)}: opened elsewhere: {frame}")
        self._next[room] = (frame["resume"] if state == "limited" else frame["from"]) + 1
        self._buffered.pop(room, None)  # of an earlier subscription
        if state == "limited":
            buffered = self._buffered[room] = []
            self._start_task(self._page(room, frame["from"], frame["resume"], buffered))

    def _handle_closed(self, frame: Frame) -> None:
        room = frame["room"]
        self._rooms.discard(room)
        self.badges.pop(room, None)
        self._buffered.pop(room, None)
        if subscription := self._subscriptions.pop(room, None):
            subscription.last_seq = frame.get("seq")
            self.replicas[room].is_open = False

    def _handle_error(self, frame: Frame) -> None:
        rejection = RequestRejected(frame["code"], frame["retry"], frame.get("retry_after_ms"))
        self.context.check_refusal(rejection, f"{self.account.name}: {frame}")
        room = frame.get("room")
        if room is not None and room in self._asked:
            self._asked.discard(room)
            if rejection.code in EXPECTED_REFUSALS:
                self._rooms.discard(room)
            else:
                self._start_task(self._open_later(room, rejection.wait_s))

    def _handle_event(self, frame: Frame) -> None:
        room, seq = frame["room"], frame["seq"]
        subscription = self._subscriptions.get(room)
        if subscription is None:
            self.context.record_violation(
                "leaked", f"{self._label(room)}: {seq}, and the room is not open"
            )
            return
        expected = self._next[room]
        if seq < expected:
            self.context.record_violation(
                "duplicated", f"{self._label(room)}: {seq} again on one socket"
            )
        elif seq > expected:
            self.context.record_violation(
                "lost", f"{self._label(room)}: {seq} after {expected - 1}"
            )
        self._next[room] = seq + 1
        subscription.received.setdefault(seq, time.time())
        if room in self._buffered:
            self._buffered[room].append(_entry(frame))
        else:
            self._apply(room, [_entry(frame)])

    def _apply(self, room: str, entries: list[Entry]) -> None:
        """Apply events to the client's state, except those that it has already."""
        replica = self.replicas[room]
        replica.taken += [entry for entry in entries if entry.seq > replica.position]

    async def _page(self, room: str, after: int, until: int, buffered: list[Entry]) -> None:
        """Read the skipped range that the server announced, from any server. Live events are
        `buffered` meanwhile and applied after it, unless the room was opened again."""
        path = f"/rooms/{room}/events"
        while after < until:
            query = {"after": after, "until": until, "limit": 60}
            try:
                answer = await self.context.retry_until_done(
                    self.account, "GET", path, params=query
                )
            except RequestRejected:
                return  # removed meanwhile, which the socket reports, too
            items = answer.json()["items"]
            if not items:
                self.context.record_violation(
                    "lost", f"{self._label(room)}: nothing in ({after}, {until}]"
                )
                return
            self._apply(room, [_entry(item) for item in items])
            after = items[-1]["seq"]
            self.context.history.pages.append(Page(self.account.id, room, after, time.time()))
        if self._buffered.get(room) is buffered:
            del self._buffered[room]
            self._apply(room, buffered)

    # Tasks that end with the socket.

    def _start_task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, frame: Frame) -> None:
        if self._socket is not None:
            with suppress(*UNREACHABLE):
                await self._socket.send(orjson.dumps(frame).decode())

    async def _open_later(self, room: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._open([{"room": room}])

    async def mark_read(self) -> None:
        """Move the read marker of a random room to the position of the device."""
        rooms = [room for room, replica in self.replicas.items() if replica.is_open]
        if not rooms:
            return
        room = self.context.rng.choice(sorted(rooms))
        with suppress(Unanswered, RequestRejected):
            ack = await self.ask("read", room=room, seq=self.replicas[room].position)
            self.context.history.markers.append(Marker(self.account.id, room, ack["seq"]))

    def _label(self, room: str) -> str:
        return f"{self.account.name} on {self.server} in {room}"


async def deliver(context: RunContext, account: Account, send: Send, devices: list[Device]) -> None:
    """Repeat a message with its nonce, over sockets and HTTP and on both servers, until it is acked
    or refused finally."""
    context.history.sends.append(send)
    while send.seq is None:
        send.attempts += 1
        try:
            send.seq = await _attempt(context, account, send, devices)
            send.acked = time.time()
        except Unanswered:
            await context.rest()
        except RequestRejected as rejection:
            if rejection.retry == "never":
                if send.is_member:
                    context.record_violation(
                        "false refusal", f"{send.nonce} by {account.name}: {rejection}"
                    )
                return
            await asyncio.sleep(rejection.wait_s)


async def _attempt(context: RunContext, account: Account, send: Send, devices: list[Device]) -> int:
    ways: list[Callable[[], Awaitable[int]]] = [
        lambda device=device: _over_socket(device, send)  # type: ignore[misc]
        for device in devices
        if device.is_connected
    ]

    return await context.rng.choice([lambda: over_http(context, account, send), *ways])()


async def over_http(
    context: RunContext, account: Account, send: Send, server: int | None = None
) -> int:
    body = {"nonce": send.nonce, "text": send.text}
    path = f"/rooms/{send.room}/messages"
    answer = await context.call(account, "POST", path, server=server, json=body)
    return int(answer.json()["seq"])


async def _over_socket(device: Device, send: Send) -> int:
    ack = await device.ask("message.send", room=send.room, nonce=send.nonce, text=send.text)
    return int(ack["seq"])


def _entry(event: Frame) -> Entry:
    message = event.get("message")
    if message:
        what = f"{message['nonce']} {message['text']}"
    else:
        what = event.get("member", {}).get("user", "")
    return Entry(event["seq"], event["type"], event["actor"], what)
