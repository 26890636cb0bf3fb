"""The client against the real server: every message arrives once and in order, despite failures."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import trustme

from app.client import rooms as rooms_module
from app.client import send_queue
from app.client.connection import Connection
from app.client.errors import ClientStopped, RequestRejected, Unreachable
from app.client.event_queue import Connected, Disconnected, Reset, RoomLost
from app.client.http import ServerAddress, context_for_ca
from app.core.clock import now
from app.core.tokens import Tokens
from app.wire.errors import ErrorCode
from app.wire.events import MessageCreated, ReadMarker, RoomEvent
from app.wire.frames import ItemChanged
from app.wire.schemas.items import DraftOut
from app.wire.schemas.notifications import NotificationsOut
from app.wire.schemas.users import TokenOut
from testkit.server import PASSWORD, TestServer, run_server
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually, limit, pause
from tests.client.recording_client import RecordingClient, client_settings, open_client, run_client

DENSE = "the log of the room, without a hole, nothing twice"


@pytest.fixture
async def server(embedded: Backend) -> AsyncIterator[TestServer]:
    async with run_server(client_settings(embedded.settings)) as server:
        yield server


async def meet(*guests: RecordingClient, name: str = "general") -> UUID:
    """Create a room with all users, who read it from the start."""
    rooms = [await who.chat.api.find_or_create_room(name) for who in guests]
    for who in guests:
        await who.chat.open(rooms[0].id, since=0)
    assert len({room.id for room in rooms}) == 1
    return rooms[0].id


def assert_dense(guest: RecordingClient, room: UUID) -> None:
    seqs = [event.seq for event in guest.events(room)]
    assert seqs == list(range(1, len(seqs) + 1)), DENSE


async def test_messages_survive_a_server_restart_exactly_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two users send while the server stops, stays down and starts again, twice."""
    monkeypatch.setattr(send_queue, "OVERDUE_S", 3600)
    async with (
        run_server(client_settings(backend.settings)) as server,
        run_client(server, "ada") as ada,
        run_client(server) as bob,
    ):
        room = await meet(ada, bob)

        async def type_on(who: RecordingClient, label: str) -> list[int]:
            answers = []
            for number in range(60):
                answers.append(who.chat.send(room, f"{label}{number}"))
                await pause(0.01)
            return [(await answer).seq for answer in answers]

        typing = [asyncio.create_task(type_on(ada, "a")), asyncio.create_task(type_on(bob, "b"))]
        for _ in range(2):
            await eventually(lambda: ada.chat.connected and bob.chat.connected)
            await pause(0.15)
            await server.stop()
            await pause(0.1)
            await server.start()
        async with limit():
            seqs = [seq for task in typing for seq in await task]
        assert len(set(seqs)) == 120
        for who in (ada, bob):
            await who.has(room, max(seqs))
            assert_dense(who, room)
            assert [t for t in who.texts(room) if t[0] == "a"] == [f"a{n}" for n in range(60)]
            assert [t for t in who.texts(room) if t[0] == "b"] == [f"b{n}" for n in range(60)]
        assert sum(isinstance(item, Disconnected) for item in ada.items) >= 2


async def test_messages_survive_repeated_connection_loss(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server) as bob:
        room = await meet(ada, bob)
        answers = []
        for number in range(80):
            answers.append(ada.chat.send(room, str(number)))
            if number % 10 == 5:
                await eventually(lambda: ada.chat.connected and bob.chat.connected)
                server.cut_sockets()
            await pause(0.01)
        last = await asyncio.wait_for(answers[-1], LIMIT_S)
        for who in (ada, bob):
            await who.has(room, last.seq)
            assert_dense(who, room)
            assert who.texts(room) == [str(number) for number in range(80)]
        assert sum(isinstance(item, Connected) for item in bob.items) >= 3


async def test_lost_frames_are_repaired_from_the_log(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other event on bob's socket is lost, including the last one."""
    monkeypatch.setattr(rooms_module, "HEAD_GRACE_S", 0.05)
    server.settings = server.settings.model_copy(
        update={"realtime": server.settings.realtime.model_copy(update={"ping_interval_s": 0.3})}
    )
    await server.stop()
    await server.start()
    dice = random.Random(7)
    receive = Connection.receive

    async def lossy(self: Connection) -> Any:
        while isinstance(frame := await receive(self), RoomEvent) and dice.random() < 0.5:
            pass
        return frame

    async with run_client(server) as ada, run_client(server) as bob:
        room = await meet(ada, bob)
        monkeypatch.setattr(Connection, "receive", lossy)
        await ada.say(room, *map(str, range(40)))
        await bob.has(room, 43)
        assert_dense(bob, room)


async def test_a_limited_catch_up_is_completed_by_pages(embedded: Backend) -> None:
    async with (
        run_server(
            client_settings(embedded.settings, limits={"catchup_events_per_room": 10})
        ) as server,
        run_client(server) as ada,
        run_client(server) as bob,
    ):
        room = (await ada.chat.api.find_or_create_room("general")).id
        await bob.chat.api.find_or_create_room("general")
        await ada.say(room, *map(str, range(230)))
        answer = await bob.chat.open(room, since=0)
        assert answer.state == "limited"
        last = await ada.chat.send(room, "live")
        await bob.has(room, last.seq)
        assert_dense(bob, room)
        assert bob.texts(room) == [*map(str, range(230)), "live"]


async def test_a_slow_reader_misses_no_event(server: TestServer) -> None:
    async with run_client(server) as ada, open_client(server, max_queued_events=8) as late:
        room = await meet(ada)
        await late.log_in(ada.user.username, PASSWORD)
        await late.open(room, since=0)
        await ada.say(room, *map(str, range(150)))
        read: list[int] = []
        async with limit():
            async for item in late.events():
                if isinstance(item, RoomEvent):
                    read.append(item.seq)
                if len(read) == 152:
                    break
        assert read == list(range(1, 153))


async def test_a_position_ahead_of_the_log_is_reset(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server, on_reset="start") as bob:
        room = (await ada.chat.api.find_or_create_room("general")).id
        await bob.chat.api.find_or_create_room("general")
        for who in (ada, bob):
            assert (await who.chat.open(room, since=900)).state == "reset"
        ack = await ada.chat.send(room, "hello")
        await ada.has(room, ack.seq)
        await bob.has(room, ack.seq)
        assert Reset(room, 3) in ada.items
        assert [event.seq for event in ada.events(room)] == [4]
        assert Reset(room, 0) in bob.items
        assert [event.seq for event in bob.events(room)] == [1, 2, 3, 4]


async def test_a_revoked_session_stops_the_client(server: TestServer) -> None:
    async with run_client(server) as ada:
        room = await meet(ada)
        await server.stop()
        waiting = ada.chat.send(room, "never sent")
        await server.start()
        await waiting
        await ada.chat.api.log_out()
        await eventually(lambda: ada.error is not None)
        assert ada.error is not None
        assert ada.error.code == 4403
        with pytest.raises(ClientStopped):
            await ada.chat.send(room, "too late")


async def test_closing_a_client_fails_all_pending_calls(server: TestServer) -> None:
    async with run_client(server) as ada:
        room = await meet(ada)
        await server.stop()
        waiting = ada.chat.send(room, "never sent")
        opening = asyncio.create_task(ada.chat.open(uuid4()))
        await asyncio.sleep(0)
        await ada.chat._stop()
        with pytest.raises(ClientStopped):
            await waiting
        with pytest.raises(ClientStopped):
            await opening
        with pytest.raises(ClientStopped):
            await ada.chat.drain()
        await server.start()


async def test_concurrent_requests_share_one_token_renewal(server: TestServer) -> None:
    kept: list[str] = []
    async with run_client(
        server, on_tokens=lambda tokens: kept.append(tokens.refresh_token)
    ) as ada:
        session = ada.chat._session
        assert len(kept) == 1
        assert session._tokens
        session._tokens = session._tokens.model_copy(update={"access_token": "no.longer.good"})
        await asyncio.gather(*(ada.chat.api.me() for _ in range(8)))
        assert len(kept) == 2
        session._good_until = 0.0
        await asyncio.gather(*(ada.chat.api.me() for _ in range(8)))
        assert len(kept) == 3
        server.cut_sockets()
        await eventually(lambda: sum(isinstance(i, Connected) for i in ada.items) == 2)
    async with open_client(server) as again:
        assert await again.resume(kept[-1]) == ada.user
        await again.log_out()
        with pytest.raises(RequestRejected, match="ended") as refused:
            await again.api.me()
        assert refused.value.code == "session_ended"  # and it did not try to renew it


async def test_the_device_token_is_stored_and_sent(embedded: Backend) -> None:
    """So wrong passwords of other clients at the same address do not delay the login."""
    auth = {"account_attempts_per_minute": 0.01, "account_attempts_burst": 4}
    kept: list[TokenOut] = []
    async with run_server(client_settings(embedded.settings, auth=auth)) as server:
        async with run_client(server, on_tokens=kept.append) as ada:
            await ada.chat._session.renew()
            name = ada.user.username
        device = kept[0].device_token
        assert device
        assert [tokens.device_token for tokens in kept] == [device, device]
        async with open_client(server) as stranger:
            with pytest.raises(RequestRejected, match="Wrong username or password"):
                await stranger.log_in(name, "wrong")
            with pytest.raises(RequestRejected, match="Too many wrong passwords for this account"):
                await stranger.log_in(name, PASSWORD)
        async with open_client(server, device_token=device, on_tokens=kept.append) as again:
            await again.log_in(name, PASSWORD)
        assert kept[-1].device_token == device


@pytest.mark.parametrize("code", ["token_expired", "unauthenticated"])
async def test_reconnect_renews_an_expired_token(embedded: Backend, code: str) -> None:
    """Also a token that was signed with another key."""
    async with run_server(client_settings(embedded.settings)) as server, run_client(server) as ada:
        room = await meet(ada)
        session = ada.chat._session
        assert session._tokens
        tokens = Tokens(server.settings.auth.keys, server.settings.auth.issuer)
        claims, past = tokens.verify(session._tokens.access_token), now() - timedelta(hours=1)
        stale = tokens.sign(claims, past, past) if code == "token_expired" else "a.b.c"
        with pytest.raises(RequestRejected) as refused:
            await session.http.request("GET", "/api/v1/users/me", stale)
        assert refused.value.code == code
        session._tokens = session._tokens.model_copy(update={"access_token": stale})
        server.cut_sockets()
        ack = await ada.chat.send(room, "hello")
        await ada.has(room, ack.seq)
        assert_dense(ada, room)


async def test_rate_limited_messages_are_retried_in_order(embedded: Backend) -> None:
    limits = {"sends_per_second": 40, "sends_burst": 3}
    async with (
        run_server(client_settings(embedded.settings, limits=limits)) as server,
        run_client(server) as ada,
    ):
        rooms = [await meet(ada, name=name) for name in ("one", "two", "three")]
        texts = [str(number) for number in range(20)]
        await asyncio.gather(*(ada.say(room, *texts) for room in rooms))
        for room in rooms:
            await ada.has(room, 22)
            assert ada.texts(room) == texts


async def test_rate_limited_frames_are_retried(embedded: Backend) -> None:
    limits = {"frames_per_minute": 1200, "frames_burst": 4}
    async with (
        run_server(client_settings(embedded.settings, limits=limits)) as server,
        run_client(server) as ada,
    ):
        room = await meet(ada)
        await ada.say(room, *map(str, range(40)))
        await ada.has(room, 42)
        assert ada.texts(room) == [str(number) for number in range(40)]
        assert not any(isinstance(item, Disconnected) for item in ada.items)


async def test_a_rejected_message_does_not_block_later_ones(server: TestServer) -> None:
    async with run_client(server) as ada:
        room = await meet(ada)
        long, lost, good = (
            ada.chat.send(room, "x" * 4001),
            ada.chat.send(uuid4(), "nowhere"),
            ada.chat.send(room, "👋🏽 שלום"),
        )
        for answer, code in ((long, ErrorCode.INVALID), (lost, ErrorCode.NOT_FOUND)):
            with pytest.raises(RequestRejected) as refused:
                await answer
            assert refused.value.code == code
        await ada.has(room, (await good).seq)
        assert ada.texts(room) == ["👋🏽 שלום"]
        with pytest.raises(RequestRejected, match="blank"):
            await ada.chat.send(room, " \n")


async def test_sends_are_idempotent_by_nonce(server: TestServer) -> None:
    async with run_client(server) as ada:
        room = await meet(ada)
        first = await ada.chat.send(room, "hello", nonce="once")
        second = await ada.chat.send(room, "hello", nonce="once")
        assert (first.seq, first.duplicate) == (second.seq, not second.duplicate)
        await ada.chat.drain()
        assert ada.texts(room) == ["hello"]


async def test_mark_read_moves_the_read_marker_and_never_back(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server) as bob:
        room = await meet(ada, bob)
        seqs = [(await ada.chat.send(room, str(number))).seq for number in range(3)]
        assert [r.unread async for r in bob.chat.api.rooms()] == [3]
        assert await bob.chat.mark_read(room, seqs[1]) == seqs[1]
        assert await bob.chat.mark_read(room, seqs[0]) == seqs[1], "never back"
        assert [r.unread async for r in bob.chat.api.rooms()] == [1]
        marker = ReadMarker(room=room, user=bob.user.id, seq=seqs[1])
        await eventually(lambda: marker in ada.items)


async def test_changed_items_are_events(server: TestServer) -> None:
    """Their values have the type of the kind."""
    async with run_client(server) as ada:
        room = await meet(ada)
        request = ada.chat._session.request
        draft = {"text": "not yet", "thread": 0}
        await request("PUT", f"/api/v1/rooms/{room}/draft", json=draft)
        await request("PUT", "/api/v1/users/me/notifications", json={"keywords": ["release"]})

        def items() -> list[ItemChanged]:
            return [item for item in ada.items if isinstance(item, ItemChanged)]

        await eventually(lambda: len(items()) == 2)
        values = {item.kind: item.value for item in items()}
        written, settings = values["draft"], values["notifications"]
        assert isinstance(written, DraftOut)
        assert (written.room, written.text) == (room, "not yet")
        assert isinstance(settings, NotificationsOut)
        assert settings.keywords == ["release"]
        await request("PUT", f"/api/v1/rooms/{room}/draft", json=draft | {"text": ""})
        await eventually(lambda: len(items()) == 3)
        assert (items()[-1].room, items()[-1].value) == (room, None)


async def test_a_removed_member_gets_room_lost_after_the_last_event(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server) as bob:
        room = await meet(ada, bob)
        await ada.chat._session.request("DELETE", f"/api/v1/rooms/{room}/members/{bob.user.id}")
        await eventually(lambda: RoomLost(room, "removed") in bob.items)
        assert bob.events(room)[-1].type == "member.removed"
        with pytest.raises(RequestRejected):
            await bob.chat.open(room)
        await ada.chat.send(room, "among ourselves")
        await bob.chat.api.join(room)
        await bob.chat.open(room, since=bob.events(room)[-1].seq)
        await bob.has(room, 6)
        assert_dense(bob, room)


async def test_a_removal_while_disconnected_closes_the_room(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server, backoff=None) as bob:
        room = await meet(ada, bob)
        bob.chat._manager._backoff.draw = lambda low, high: 0.5
        server.cut_sockets()
        await ada.chat._session.request("DELETE", f"/api/v1/rooms/{room}/members/{bob.user.id}")
        await eventually(lambda: any(isinstance(i, RoomLost) for i in bob.items))
        assert bob.chat.position(room) is None


async def test_a_closed_room_delivers_no_events(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server) as bob:
        room = await meet(ada, bob)
        bob.chat.close(room)
        await ada.chat.send(room, "one")
        await bob.chat.open(room, since=4)
        ack = await ada.chat.send(room, "two")
        await bob.has(room, ack.seq)
        assert bob.texts(room) == ["two"]


async def test_concurrent_find_or_create_room_returns_one_room(server: TestServer) -> None:
    async with run_client(server) as ada, run_client(server) as bob:
        rooms = await asyncio.gather(*(g.chat.api.find_or_create_room("Lobby") for g in (ada, bob)))
        assert rooms[0].id == rooms[1].id
        assert (await ada.chat.api.find_or_create_room("lobby")).id == rooms[0].id


async def test_users_are_cached_by_id(server: TestServer) -> None:
    async with run_client(server, "ada") as ada, run_client(server, "bob") as bob:
        room = await meet(ada, bob)
        assert await ada.chat.users.name(bob.user.id) == "Bob"
        assert {m.user.id async for m in ada.chat.api.members(room)} == {ada.user.id, bob.user.id}
        assert [u.id for u in await ada.chat.api.users(bob.user.username)] == [bob.user.id]
        nobody = uuid4()
        assert await ada.chat.users.name(nobody) == f"user {str(nobody)[-6:]}"
        await server.stop()
        assert await ada.chat.users.name(bob.user.id) == "Bob"
        with pytest.raises(Unreachable, match="does not answer"):
            await ada.chat.api.me()
        await server.start()


async def test_pages_of_the_message_history(server: TestServer) -> None:
    async with run_client(server) as ada:
        room = await meet(ada)
        await ada.say(room, *map(str, range(5)))
        newest = await ada.chat.api.messages(room, limit=2)
        assert [m.text for m in newest.items] == ["3", "4"]
        older = await ada.chat.api.messages(room, before=newest.items[0].seq, limit=10)
        assert [m.text for m in older.items] == ["0", "1", "2"]
        log = await ada.chat.api.events(room, 2, 4)
        assert [type(e) for e in log.items] == [MessageCreated] * 2


async def test_tls_with_a_private_ca_for_http_and_websocket(
    embedded: Backend, tmp_path: Path
) -> None:
    ca, names = trustme.CA(), ("ca.pem", "server.pem", "key.pem")
    ca_file, certificate, key = (tmp_path / name for name in names)
    issued = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(ca_file)
    issued.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    tls_files = {"tls_certificate": certificate, "tls_key": key}
    async with run_server(client_settings(embedded.settings, server=tls_files)) as server:
        async with run_client(server, tls=context_for_ca(ca_file)) as ada:
            room = await meet(ada)
            ack = await ada.chat.send(room, "secret")
            await ada.has(room, ack.seq)
        async with open_client(server) as stranger:
            with pytest.raises(Unreachable, match="certificate"):
                await stranger.log_in("ada", PASSWORD)


async def test_login_and_registration_errors(server: TestServer) -> None:
    async with run_client(server) as ada, open_client(server) as other:
        with pytest.raises(RequestRejected) as refused:
            await other.log_in(ada.user.username, "something else")
        assert refused.value.code == ErrorCode.INVALID_GRANT
        with pytest.raises(RequestRejected, match="Log in first"):
            await other.api.me()
        with pytest.raises(RequestRejected, match="Log in first"):
            await other.open(uuid4())


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "http://"])
def test_an_invalid_base_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        ServerAddress.at(url, None, "tests")
