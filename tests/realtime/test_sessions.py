"""An ended session has no sockets."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.tables import Session
from app.persistence.uow import UnitOfWork
from app.realtime.connection import session_check
from app.realtime.delivery.position_check import read_heads
from app.wire.errors import Busy
from app.wire.events import PublicationKind
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import TestServer, new_session
from testkit.waiting import eventually
from tests.features.users.auth import renew, set_session_times, whoami
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import PausedQuery


async def test_a_logout_closes_the_sockets_of_that_session(
    server: TestServer, ada: Person, bob: Person, peers: Peers
) -> None:
    elsewhere = await new_session(server, ada)
    ended = [await peers.join(ada), await peers.join(ada)]
    stay = [await peers.join(elsewhere), await peers.join(bob)]
    assert_ok(await ada.post("/auth/logout"), 204)
    for peer in ended:
        assert await peer.closed() == 4403
    for peer in stay:
        await peer.settled()


async def test_a_session_ended_from_another_closes_its_sockets(
    server: TestServer, ada: Person, peers: Peers
) -> None:
    elsewhere = await new_session(server, ada)
    lost, mine = await peers.join(elsewhere), await peers.join(ada)
    assert_ok(await ada.delete(f"/auth/sessions/{elsewhere.session}"), 204)
    assert await lost.closed() == 4403
    await mine.settled()


@pytest.mark.setting("CHAT_AUTH__REFRESH_REUSE_GRACE_S")
async def test_a_reused_refresh_token_closes_the_sockets(start: StartServer, peers: Peers) -> None:
    server = await start(auth={"refresh_reuse_grace_s": 0})
    ada = await server.person()
    peer = await peers.join(ada)
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh}
    login = assert_ok(await server.http.post("/api/v1/auth/token", data=form))
    assert_ok(await whoami(server.http, login["access_token"]))
    await peer.settled()
    assert (await server.http.post("/api/v1/auth/token", data=form)).status_code == 400
    assert await peer.closed() == 4403


async def test_frames_after_the_end_of_a_session_are_not_executed(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also frames that were already queued when the session ended."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    (end,) = server.hub.by_user[UUID(ada.id)]
    held = PausedQuery(server, monkeypatch, "load_catch_up", before=True)
    await peer.send("open", rooms=[{"room": room}])
    for number in range(3):
        await peer.send("message.send", room=room, nonce=f"n{number}", text="too late")
    opening = await held.next()
    assert end._writer.queue.qsize() == 3
    assert_ok(await ada.post("/auth/logout"), 204)
    opening.set()
    assert await peer.closed() == 4403
    await eventually(lambda: not server.running.uvicorn.server_state.tasks)
    assert await head_of(server, room) == 2


async def head_of(server: DedicatedServer, room: str) -> int:
    """The room's head."""
    heads = await server.running.context.database.read(read_heads, [UUID(room)])
    return heads[UUID(room)]


async def test_the_session_check_finds_a_revocation_that_the_bus_lost(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"session_check_interval_s": 0.2})
    ada, bob = await server.person("ada"), await server.person("bob")
    hear = server.hear
    server.redirect_bus(
        lambda publication: publication.kind is PublicationKind.SESSION_REVOKED or hear(publication)
    )
    peer, other = await peers.join(ada), await peers.join(bob)
    assert_ok(await ada.post("/auth/logout"), 204)
    assert await peer.closed() == 4403
    await other.settled()


async def test_a_session_that_ends_during_the_hello_gets_no_connection(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of the token and the registration in the hub."""
    server = await start()
    ada = await server.person()
    held = PausedQuery(server, monkeypatch, "load_hello_state", before=True)
    peer = await peers.dial(server.url)
    await peer.send("hello", token=ada.access)
    reading = await held.next()
    with monkeypatch.context() as drops_all:
        drops_all.setattr(server.hub, "close_session", lambda *_: None)
        assert_ok(await ada.post("/auth/logout"), 204)
    reading.set()
    assert await peer.closed() == 4403
    assert not server.hub.connections


async def test_a_connection_outlives_the_expiry_that_its_session_had_before_a_renewal(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_check, "TICK_S", 0.05)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    for person in (ada, bob):
        end = now() + timedelta(hours=1)
        await set_session_times(server.running, person.session, expires_at=end)
    stays, also, ends = await peers.join(ada), await peers.join(ada), await peers.join(bob)
    assert_ok(await renew(server.http, ada.refresh))
    monkeypatch.setattr(session_check, "now", lambda: now() + timedelta(hours=2))
    assert await ends.closed() == 4402
    for peer in (stays, also):
        await peer.settled()
    monkeypatch.setattr(session_check, "now", lambda: now() + timedelta(days=31))
    for peer in (stays, also):
        assert await peer.closed() == 4402


async def test_an_expired_connection_is_closed_when_the_database_does_not_answer(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_check, "TICK_S", 0.05)
    server = await start()
    ada = await server.person()
    await set_session_times(server.running, ada.session, expires_at=now() + timedelta(hours=1))
    peer = await peers.join(ada)
    await peer.settled()

    async def busy(*_: object) -> None:
        raise Busy("Not now.")

    monkeypatch.setattr(server.running.context.database, "read", busy)
    monkeypatch.setattr(session_check, "now", lambda: now() + timedelta(hours=2))
    assert await peer.closed() == 4402


async def test_a_connection_is_closed_when_its_session_expires(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_check, "TICK_S", 0.05)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")

    async def shorten(uow: UnitOfWork) -> None:
        end = now() + timedelta(hours=1)
        await uow._session.execute(
            update(Session).where(Session.id == UUID(ada.session)).values(expires_at=end)
        )

    await server.running.context.database.transact(shorten)
    peer, other = await peers.join(ada), await peers.join(bob)
    await peer.settled()
    monkeypatch.setattr(session_check, "now", lambda: now() + timedelta(hours=2))
    assert await peer.closed() == 4402
    await other.settled()
