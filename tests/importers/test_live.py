"""An import while a server runs."""

from pathlib import Path

import pytest

from app.bootstrap import open_database_and_bus
from testkit.answers import assert_ok
from testkit.peer import joined
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from tests.importers.archives import many, run


@pytest.mark.cluster
async def test_open_sockets_receive_an_import_in_order(cluster: Backend, tmp_path: Path) -> None:
    settings = without_limits(cluster.settings)
    older = many(tmp_path / "older.tsv", messages=100, users=20)
    newer = many(tmp_path / "newer.tsv", messages=3000, users=20)
    async with (
        run_server(settings) as server,
        server.client() as http,
        open_database_and_bus(settings) as (database, _),
    ):
        await run(database, older)
        ada = await server.person(http)
        room = assert_ok(await ada.get("/rooms/public"))["items"][0]["id"]
        head = assert_ok(await ada.post(f"/rooms/{room}/join"))["seq"]
        async with joined(ada, room) as peer:
            right, said = await run(database, newer, batch=500)
            assert right, said
            await peer.has(room, head + 2900)
            assert peer.is_open
            assert peer.seqs(room) == list(range(head + 1, head + 2901))
        unread = settings.limits.max_unread + 1  # which stands for more
        assert (await ada.room(room))["unread"] == unread, "ada was not in the archive"
