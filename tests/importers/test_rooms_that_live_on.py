"""An import into existing rooms, which people have changed."""

from pathlib import Path

import pytest

from app.persistence.database import Database
from app.persistence.uow import UnitOfWork
from app.rooms.membership import remove_member
from app.rooms.service import archive_room
from app.wire.domain import Role
from app.wire.errors import NotFound
from tests.importers.archives import LOUNGE, PIER, SAMPLE, TEA, cells, row, run, write
from tests.importers.imported_data import check_logs, read_contents
from tests.importers.local_users import (
    badge_counts,
    create_account,
    join_and_send,
    make_actor,
    room_id,
)
from tests.persistence.factories import row_counts


async def test_a_newer_archive_adds_what_is_new(database: Database, tmp_path: Path) -> None:
    """Also if people have sent messages in the room meanwhile, with any nonces."""
    older = [row(2, user=2), row(1)]
    await run(database, write(tmp_path / "a.tsv", older))
    ada = await database.transact(create_account, "ada")
    nonce = f"gitter:{row(3)[5]}"
    await database.transact(join_and_send, ada, nonce, "I am here, @user1")
    newer = write(tmp_path / "b.tsv", [row(4, "@ada", user=3), row(3, user=3), *older])
    right, said = await run(database, newer)
    assert right, said
    assert cells(said, "Pier/Nine") == ["4", "0", "4", "4", "2", "agree"]
    await check_logs(database)
    found = await read_contents(database)
    assert found.log(PIER) == [
        "room.created",
        *["member.joined"] * 2,
        *["message.created"] * 2,
        *["member.joined", "message.created"],  # ada
        "member.joined",  # user3
        *["message.created"] * 2,
    ]
    assert found.mentions == {(PIER, 7): {"gitter:5f00bb00bb00bb00bb000001"}}, "not ada"
    assert await database.read(badge_counts, ada) == [2]


async def test_an_older_archive_is_refused(database: Database, tmp_path: Path) -> None:
    await run(database, write(tmp_path / "a.tsv", [row(3), row(2)]))
    right, said = await run(database, write(tmp_path / "b.tsv", [row(3), row(2), row(1)]))
    assert not right
    assert cells(said, "Pier/Nine") == ["3", "0", "3", "3", "1", "1 out of order"]


async def test_one_person_in_two_files_is_one_account(database: Database, tmp_path: Path) -> None:
    other = row(2, name="renamed", room="5f00aa00aa00aa00aa00aafe", uri="Pier/Ten")
    one, two = write(tmp_path / "a.tsv", [row(1)]), write(tmp_path / "b.tsv", [other])
    assert (await run(database, one, two))[0]
    found = await read_contents(database)
    assert list(found.names().values()) == ["user1"]
    assert len(found.rooms) == len(found.members) == 2


async def test_a_removed_member_is_not_imported_again(database: Database, tmp_path: Path) -> None:
    older = [row(2, user=2), row(1)]
    await run(database, write(tmp_path / "a.tsv", older))
    admin = make_actor(await database.transact(create_account, "admin"), is_admin=True)

    async def remove(uow: UnitOfWork) -> None:
        room = await room_id(uow, PIER)
        user = (await uow.users.by_origins(["gitter:5f00bb00bb00bb00bb000002"])).popitem()[1]
        await remove_member(uow, admin, room, user)

    await database.transact(remove)
    right, _ = await run(database, write(tmp_path / "b.tsv", [row(3, "@user2", user=3), *older]))
    assert right
    found = await read_contents(database)
    assert found.names().keys() - {origin for _, origin, *_ in found.members} == {
        None,
        "gitter:5f00bb00bb00bb00bb000002",
    }
    assert found.mentions == {}
    await check_logs(database)


async def test_an_archived_room_is_not_imported_into(database: Database, tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tsv", [row(1)])
    await run(database, archive)
    admin = make_actor(await database.transact(create_account, "admin"), is_admin=True)

    async def close(uow: UnitOfWork) -> None:
        await archive_room(uow, admin, await room_id(uow, PIER))

    await database.transact(close)
    assert (await run(database, archive))[0], "nothing is new"
    before = (await read_contents(database)).messages
    right, said = await run(database, write(tmp_path / "b.tsv", [row(2), row(1)]), SAMPLE)
    assert not right
    assert f"{tmp_path / 'b.tsv'}: The room is archived" in said
    found = await read_contents(database)
    assert {index: m for index, m in found.messages.items() if index[0] == PIER} == before
    assert len(found.rooms) == 3, "the others went on"


async def test_an_owner_is_the_last_to_join(database: Database) -> None:
    await database.transact(create_account, "ada")
    right, _ = await run(database, SAMPLE, owner="Ada")
    assert right
    found = await read_contents(database)
    assert found.log(LOUNGE)[-2:] == ["message.created", "member.joined"]
    owners = [
        (room, origin, read) for room, origin, role, _, read in found.members if role == Role.OWNER
    ]
    assert owners == [(LOUNGE, None, 37), (TEA, None, 7)]
    await run(database, SAMPLE, owner="ada")
    assert await read_contents(database) == found


async def test_a_member_becomes_the_owner(database: Database, tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tsv", [row(1)])
    await run(database, archive)
    ada = await database.transact(create_account, "ada")
    await database.transact(join_and_send, ada, "n", "!")
    assert (await run(database, archive, owner="ada"))[0]
    found = await read_contents(database)
    assert found.log(PIER)[-1] == "member.role_changed"
    await run(database, archive, owner="ada")
    assert await read_contents(database) == found
    await check_logs(database)


async def test_an_unknown_owner_stops_the_import(database: Database) -> None:
    before = await row_counts(database)
    with pytest.raises(NotFound, match="'nobody'"):
        await run(database, SAMPLE, owner="nobody")
    assert await row_counts(database) == before
