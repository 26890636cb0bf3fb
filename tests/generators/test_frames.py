"""TypeScript types made from the AsyncAPI document read the frames of a real exchange."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.server import run_embedded_server
from tests.generators import lint
from tests.generators.environments import HERE, NODE, node_packages, run

pytestmark = [pytest.mark.generators]

PARTS = ("generate.mjs", "package.json", "read.ts", "tsconfig.json")


class Recorder:
    """Records the frames that a peer sends and receives."""

    def __init__(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.peer, self.sent = peer, list[Frame]()
        send = peer.send

        async def record(type_: str, **fields: Any) -> None:
            self.sent.append({"type": type_, **fields})
            await send(type_, **fields)

        monkeypatch.setattr(peer, "send", record)


async def exchange(recorder: Recorder, peers: Peers, ada: Any, bob: Any, room: str) -> None:
    """One frame of each type from the client, and the frames of the server."""
    peer = recorder.peer
    await peer.send("hello", id="first", token=ada.access, client="recorder/1.0", rooms=[])
    await peer.expect("welcome", id="first")
    await peer.expect("rooms")
    assert (await peer.opens(room, since=0))["type"] == "room.opened"
    await peer.says(room, "Hello 👋")
    await peer.expect("message.created")
    assert (await peer.opens("0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081"))["type"] == "error"
    assert (await peer.ask("presence.subscribe", users=[bob.id]))["type"] == "presence"
    assert (await peer.ask("history", room=room))["type"] == "history"
    other = await peers.join(bob, room)
    await other.send("typing", room=room)
    await peer.expect("typing")
    await other.ask("read", room=room, seq=4)
    await peer.expect("read", user=bob.id)
    await peer.send("typing", room=room)
    ping = await peer.expect("ping")
    await peer.send("pong", n=ping["n"])
    assert (await peer.ask("read", room=room, seq=4))["type"] == "ack"
    assert (await peer.ask("close", rooms=[room]))["type"] == "room.closed"
    await bob.says(room, "Still here?")
    await peer.lists(room, unread=1)


async def test_types_of_frames_read_a_recorded_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        run_embedded_server(tmp_path, realtime={"ping_interval_s": 0.5}) as server,
        server.client() as http,
        Peers() as peers,
    ):
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private", bob)
        recorder = Recorder(await peers.dial(server.url), monkeypatch)
        await exchange(recorder, peers, ada, bob, room)
        document = assert_ok(await http.get("/asyncapi.json"))
    received = recorder.peer.frames
    printed = await asyncio.to_thread(read_with_types, tmp_path, document, recorder.sent, received)
    assert printed["texts"] == ["Hello 👋"]
    assert printed["nonces"] == [recorder.peer.last_nonce]
    assert printed["positions"] == [1, 2, 3, 4]


def test_a_frame_that_is_not_in_the_document_does_not_compile(tmp_path: Path) -> None:
    frames: list[Frame] = [{"type": "ping", "n": 1, "heads": [], "surprise": True}]
    with pytest.raises(AssertionError, match="surprise"):
        read_with_types(tmp_path, lint.describe(), [], frames)


def test_the_parser_refuses_a_document_that_is_not_valid(tmp_path: Path) -> None:
    document = tmp_path / "asyncapi.json"
    document.write_text(json.dumps(lint.describe() | {"channels": {"socket": {"address": 7}}}))
    with pytest.raises(AssertionError, match="address"):
        lint.asyncapi(document)


def read_with_types(
    folder: Path, document: dict[str, Any], sent: list[Frame], received: list[Frame]
) -> Any:
    """The output of read.ts for the frames, compiled with the types of the document."""
    packages = node_packages("frames") / "node_modules"
    for name in PARTS:
        shutil.copy(HERE / "frames" / name, folder)
    (folder / "node_modules").symlink_to(packages)
    (folder / "asyncapi.json").write_text(json.dumps(document))
    (folder / "recorded.ts").write_text(
        'import type { ClientFrame, ServerFrame } from "./frames.js";\n'
        f"export const sent: ClientFrame[] = {json.dumps(sent)};\n"
        f"export const received: ServerFrame[] = {json.dumps(received)};\n"
    )
    run(NODE / "node", "generate.mjs", "asyncapi.json", "frames.ts", cwd=folder)
    run(NODE / "node", packages / "typescript/bin/tsc", "--project", ".", cwd=folder)
    return json.loads(run(NODE / "node", "built/read.js", cwd=folder))
