"""Eleven rooms of real people, imported and read back through the real server, page by page.

The files are not in the repository: GITTER_CORPUS names their folder; the default is a folder
beside the checkout.
"""

import csv
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import open_database_and_bus
from app.settings import ROOT, Settings
from testkit.answers import assert_ok
from testkit.peer import Peer, joined
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from tests.importers.archives import run
from tests.importers.imported_data import check_logs, read_contents

VARIABLE = "GITTER_CORPUS"
CORPUS = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data" / "gitter")
FILES = sorted(CORPUS.glob("*.tsv"))
ROWS, REPEATS = 32_327, 309

pytestmark = [
    pytest.mark.skipif(
        len(FILES) != 11,
        reason=f"the eleven Gitter archives are not in {CORPUS}; {VARIABLE} names another folder",
    ),
]

Said = tuple[str, str, datetime, str]  # nonce, username, time, text


def read(file: Path) -> list[Said]:
    """The messages of a room, oldest first, without the parser of the program."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t"))
    once = {row[5]: row for row in rows}
    said = [
        (f"gitter:{number}", row[4] or "unknown", datetime.fromisoformat(row[2]), row[6])
        for number, row in once.items()
    ]
    said.reverse()
    said.sort(key=lambda one: one[2])
    return said


@pytest.fixture
async def imported(backend: Backend) -> Settings:
    """A database with all archives, each message once, and every log without gaps."""
    settings = without_limits(backend.settings)
    async with open_database_and_bus(settings) as (database, _):
        right, said = await run(database, *FILES, batch=500)
        assert right, said
        totals = next(line for line in said.splitlines() if "11 rooms" in line)
        numbers = [int(word) for word in totals.split() if word.isdigit()]
        assert numbers == [11, ROWS, REPEATS, *[ROWS - REPEATS] * 3]
        await check_logs(database)
        assert len((await read_contents(database)).messages) == ROWS - REPEATS
    return settings


async def test_imported_archives_are_read_back_unchanged(imported: Settings) -> None:
    """Text, author, time and order are equal. The display name of a member is the name in the
    archive."""
    async with run_server(imported) as server, server.client() as http:
        reader = await server.person(http, "reader")
        rooms = await joined_rooms(reader)
        async with joined(reader) as peer:
            for file in FILES:
                room = rooms[f"FreeCodeCamp/{file.stem}"]
                names = await names_of(reader, room)
                said = read(file)
                assert [as_said(m, names) for m in await backwards(reader, room)] == said
                assert [as_said(m, names) for m in await forwards(reader, room)] == said
                log = await whole_log(reader, peer, room)
                assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
                assert [e["message"]["seq"] for e in log if "message" in e] == [
                    e["seq"] for e in log if "message" in e
                ]
                assert [as_said(e["message"], names) for e in log if "message" in e] == said


def as_said(message: dict[str, Any], names: dict[str, str]) -> Said:
    at = datetime.fromisoformat(message["at"])
    return message["nonce"], names[message["sender"]], at, message["text"]


async def joined_rooms(reader: Person) -> dict[str, str]:
    """The ids of the public rooms by name. The reader has joined all of them after their
    messages."""
    found = {r["name"]: r["id"] for page in await all_pages(reader, "/rooms/public") for r in page}
    assert len(found) == 11
    for room in found.values():
        assert assert_ok(await reader.post(f"/rooms/{room}/join"))["unread"] == 0
    return found


async def names_of(reader: Person, room: str) -> dict[str, str]:
    """The names of the members, by id."""
    pages = await all_pages(reader, f"/rooms/{room}/members", limit=100)
    return {one["user"]["id"]: one["user"]["display_name"] for page in pages for one in page}


async def backwards(reader: Person, room: str) -> list[dict[str, Any]]:
    """Every message, paged from the newest to the oldest."""
    pages: list[list[dict[str, Any]]] = []
    query: dict[str, int] = {}
    while True:
        page = assert_ok(await reader.get(f"/rooms/{room}/messages", limit=100, **query))
        pages.insert(0, page["items"])
        if page["before"] is None:
            return [message for items in pages for message in items]
        query = {"before": page["before"]}


async def forwards(reader: Person, room: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = assert_ok(await reader.get(f"/rooms/{room}/messages", limit=100, after=after))
        messages += page["items"]
        after = page["after"]
    return messages


async def whole_log(reader: Person, peer: Peer, room: str) -> list[dict[str, Any]]:
    """The log as a new client gets it: what the socket skips is read in pages."""
    opened_room = await peer.opens(room, since=0)
    assert (opened_room["type"], opened_room["from"]) == ("room.opened", 0)
    head = opened_room["seq"]
    assert opened_room["state"] == ("limited" if head > 100 else "ok")
    events: list[dict[str, Any]] = []
    resume = opened_room.get("resume") or 0
    after: int | None = 0 if resume else None
    while after is not None:
        query = {"after": after, "until": resume, "limit": 100}
        page = assert_ok(await reader.get(f"/rooms/{room}/events", **query))
        events += page["items"]
        after = page["next"]
    await peer.has(room, head)
    return events + peer.events(room)
