"""A position belongs to an epoch: after a restore the old ones are reset, never silently wrong."""

from pathlib import Path
from typing import Any

import pytest

from app.client.event_queue import Reset
from testkit.answers import assert_ok
from testkit.command_line import run_command
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.servers.backend import Backend
from testkit.servers.backups import back_up, restore
from testkit.waiting import eventually
from tests.client.recording_client import run_client
from tests.persistence.schema import execute
from tests.realtime.dedicated_server import DedicatedServer, StartServer


class Restored:
    """Ada's and Bob's room: its log up to 8 was lost with a restore, and goes on up to 8 again."""

    def __init__(self, server: DedicatedServer, ada: Person, bob: Person, room: str) -> None:
        self.server, self.ada, self.bob, self.room = server, ada, bob, room
        self.lost: Frame = {}  # Bob's `welcome` and snapshot from before
        self.snapshot = ""

    async def greet(
        self, peer: Peer, position: dict[str, Any] | None = None, **more: Any
    ) -> tuple[Frame, Frame]:
        """Bob's `welcome` and `rooms`."""
        rooms = [] if position is None else [{"room": self.room, **position}]
        await peer.send("hello", token=self.bob.access, rooms=rooms, **more)
        return await peer.expect("welcome"), await peer.expect("rooms")


async def after_restore(backend: Backend) -> str:
    """Run the command; returns what it prints."""
    done = await run_command(backend.settings, "after-restore")
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
async def restored(start: StartServer, backend: Backend, peers: Peers, tmp_path: Path) -> Restored:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    it = Restored(server, ada, bob, await ada.makes_room("private", bob))
    await ada.says(it.room, "kept", "kept")
    await back_up(backend.settings, tmp_path / "backup")
    assert await ada.says(it.room, "lost", "lost", "lost") == [6, 7, 8]
    it.lost, listed = await it.greet(await peers.dial(server.url))
    it.snapshot = listed["snapshot"]
    await server.running.stop()
    await restore(backend.settings, tmp_path / "backup")
    await after_restore(backend)
    await server.running.start()
    assert await ada.says(it.room, "new", "new", "new") == [6, 7, 8]
    return it


async def test_a_position_and_a_snapshot_from_before_a_restore_are_void(
    restored: Restored, peers: Peers
) -> None:
    peer = await peers.dial(restored.server.url)
    position = {"since": 8, "epoch": restored.lost["epoch"]}
    welcome, listed = await restored.greet(peer, position, snapshot=restored.snapshot)
    assert welcome["epoch"] != restored.lost["epoch"]
    assert listed["full"]
    assert listed["rooms"][0]["seq"] == 8
    opened = await peer.expect("room.opened")
    assert (opened["state"], opened["from"], opened["seq"]) == ("reset", 8, 8)
    await restored.ada.says(restored.room, "live")
    await peer.has(restored.room, 9)
    assert peer.seqs(restored.room) == [9]
    # And in a later frame.
    again = await peer.ask("open", rooms=[{"room": restored.room, **position}])
    assert again["state"] == "reset"


@pytest.mark.parametrize("since", [0, 5, 8])
async def test_a_position_without_an_epoch_is_reset_after_a_restore(
    restored: Restored, peers: Peers, since: int
) -> None:
    peer = await peers.dial(restored.server.url)
    await restored.greet(peer, {"since": since})
    assert (await peer.expect("room.opened"))["state"] == "reset"


async def test_a_position_of_the_new_epoch_is_resumed(restored: Restored, peers: Peers) -> None:
    first = await peers.dial(restored.server.url)
    welcome, listed = await restored.greet(first)
    second = await peers.dial(restored.server.url)
    position = {"since": 6, "epoch": welcome["epoch"]}
    _, changed = await restored.greet(second, position, snapshot=listed["snapshot"])
    assert not changed["full"]
    assert (await second.expect("room.opened"))["state"] == "ok"
    await second.has(restored.room, 8)
    assert [e["message"]["text"] for e in second.events(restored.room)] == ["new", "new"]


async def test_a_room_that_was_left_is_not_read_from_a_position_of_another_epoch(
    restored: Restored, peers: Peers
) -> None:
    assert_ok(await restored.bob.post(f"/rooms/{restored.room}/leave"), 204)
    peer = await peers.dial(restored.server.url)
    await restored.greet(peer, {"since": 7, "epoch": restored.lost["epoch"]})
    assert (await peer.expect("error"))["code"] == "not_found"


async def test_a_position_without_an_epoch_is_resumed_in_the_original_history(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    welcome = peer.of("welcome")[0]
    for position in ({}, {"epoch": welcome["epoch"]}):
        opened = await peer.ask("open", rooms=[{"room": room, "since": 1, **position}])
        assert opened["state"] == "ok"
    foreign = [{"room": room, "since": 1, "epoch": "another"}]
    assert (await peer.ask("open", rooms=foreign))["state"] == "reset"


async def test_a_database_that_a_script_has_migrated_gets_an_epoch(
    start: StartServer, backend: Backend, peers: Peers
) -> None:
    """`alembic upgrade --sql` makes no row, so that no two databases get the same one."""
    await execute(backend.settings, "DELETE FROM server_state")
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    assert (
        peer.of("welcome")[0]["epoch"] == (await ada.get(f"/rooms/{room}/events")).json()["epoch"]
    )


async def test_two_restores_of_one_backup_have_two_epochs(
    start: StartServer, backend: Backend, tmp_path: Path
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    await back_up(backend.settings, tmp_path / "backup")
    epochs, tags = set(), set()
    for restores in range(3):
        page = await ada.get(f"/rooms/{room}/events")
        epochs.add(assert_ok(page)["epoch"])
        tags.add(page.headers["ETag"])
        assert len(epochs) == len(tags) == restores + 1
        await server.running.stop()
        await restore(backend.settings, tmp_path / "backup")
        assert "times it was restored: 1" in await after_restore(backend)
        await server.running.start()


async def test_a_process_that_runs_notices_a_restore(
    start: StartServer, backend: Backend, peers: Peers, tmp_path: Path
) -> None:
    server = await start(realtime={"change_poll_interval_ms": 100})
    ada = await server.person("ada")
    room = await ada.makes_room()
    await back_up(backend.settings, tmp_path / "backup")
    await ada.says(room, "lost", "lost")
    before = await peers.join(ada, room)
    epoch = before.of("welcome")[0]["epoch"]
    await restore(backend.settings, tmp_path / "backup")
    await after_restore(backend)
    assert await before.closed() == 4010
    await eventually(lambda: not server.hub.rooms)
    # Its stream of the room begins again where the restored log is.
    after = await peers.dial(server.url)
    await after.send("hello", token=ada.access, rooms=[{"room": room, "since": 4, "epoch": epoch}])
    assert (await after.expect("room.opened"))["state"] == "reset"
    assert await ada.says(room, "new") == [3]
    await after.has(room, 3)
    assert after.seqs(room) == [3]


async def test_the_client_of_the_program_begins_again_after_a_restore(
    start: StartServer, backend: Backend, tmp_path: Path
) -> None:
    server = await start()
    async with run_client(server.running, on_reset="start") as client:
        room = (await client.chat.api.find_or_create_room("general")).id
        await client.chat.open(room)
        await client.chat.send(room, "kept")
        await back_up(backend.settings, tmp_path / "backup")
        await client.chat.send(room, "lost")
        await eventually(lambda: client.texts(room) == ["kept", "lost"])
        lost = client.chat.epoch(room)
        await server.running.stop()
        await restore(backend.settings, tmp_path / "backup")
        await after_restore(backend)
        await server.running.start()
        await client.chat.send(room, "new")
        await eventually(lambda: client.texts(room)[2:] == ["kept", "new"])
        assert Reset(room, 0) in client.items
        assert client.chat.epoch(room) not in (lost, None)


@pytest.mark.parametrize("epoch", ["", "x" * 33, 7, ["x"], True])
async def test_an_invalid_epoch_is_refused(ada: Person, peers: Peers, epoch: object) -> None:
    room = await ada.makes_room()
    position = {"room": room, "since": 1, "epoch": epoch}
    peer = await peers.join(ada)
    refused = await peer.ask("open", rooms=[position])
    assert (refused["code"], refused["errors"][0]["path"]) == ("invalid", "rooms.0.epoch")
    other = await peers.dial(str(ada.http.base_url).rstrip("/"))
    await other.send("hello", token=ada.access, rooms=[position])
    assert await other.closed() == 4400
