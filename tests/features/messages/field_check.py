"""Run by test_new_field.py in a copy of the tree whose messages have one more field, `mood`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from app.main import create_app
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.server import run_embedded_server


async def check(directory: Path) -> None:
    async with (
        run_embedded_server(directory) as server,
        server.client() as http,
        Peers() as peers,
    ):
        async with server.context.database._engines.write.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE messages ADD COLUMN mood VARCHAR(10)")
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private", bob)
        reader, writer = await peers.join(bob, room), await peers.join(ada)

        plain = assert_ok(await ada.sends(room, nonce="plain"), 201)
        happy = assert_ok(await ada.sends(room, nonce="happy", mood="happy"), 201)
        ack = await writer.ask("message.send", room=room, nonce="sad", text="hello", mood="sad")
        moods = {plain["seq"]: None, happy["seq"]: "happy", ack["seq"]: "sad"}

        await reader.has(room, ack["seq"])
        delivered = [event["message"] for event in reader.events(room) if "message" in event]
        logged = [event["message"] for event in await bob.log(room) if "message" in event]
        page = assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"]
        for messages in (delivered, logged, page):
            assert {message["seq"]: message["mood"] for message in messages} == moods

        assert assert_ok(await ada.sends(room, nonce="happy", mood="happy"), 200) == happy
        assert_problem(await ada.sends(room, nonce="happy", mood="sad"), "nonce_conflict")
        assert_problem(await ada.sends(room, nonce="happy"), "nonce_conflict")
        assert_problem(await ada.sends(room, mood="far too long"), "invalid", "mood")

        schemas: dict[str, Any] = create_app(server.settings).openapi()["components"]["schemas"]
        assert "mood" in schemas["SendMessage"]["properties"]
        assert "mood" in schemas["Message"]["properties"]


if __name__ == "__main__":
    asyncio.run(check(Path(sys.argv[1])))
