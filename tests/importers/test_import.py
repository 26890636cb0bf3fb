"""The result of an import of the sample, and of a repeated import."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from app.core.publications import Publication
from app.importers.gitter import read_archive
from app.persistence.database import Database
from app.persistence.tables import MessageRow, Room
from app.persistence.uow import UnitOfWork
from app.wire.domain import Role
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ
from tests.importers.archives import LOUNGE, PIER, SAMPLE, TEA, cells, row, run, write
from tests.importers.imported_data import check_logs, read_contents
from tests.importers.local_users import badge_counts, create_account, room_id
from tests.persistence.factories import row_counts


def user(number: int) -> str:
    return f"gitter:5f00bb00bb00bb00bb00bb{number:02x}"


MARA, JUN, OTHER_JUN, OLGA, GONE, NAMELESS, RUI, BOT = map(user, range(1, 9))
LOST = "gitter:none"


async def test_long_room_names_are_shortened_and_stay_different(
    database: Database, tmp_path: Path
) -> None:
    """The topic has the full name; the end of the archive's id makes names different."""
    uri = "Organisation/" + "very-long-name-" * 5
    rooms = [f"5f00aa00aa00aa00aa00aa{n:02x}" for n in range(3)]
    rows = [row(n, room=room, uri=uri, name="author" * 20) for n, room in enumerate(rooms)]
    right, said = await run(database, write(tmp_path / "long.tsv", rows))
    assert right, said
    async with database._engines.read.connect() as connection:
        found = set(await connection.execute(select(Room.name, Room.topic)))
    topic = f"Imported from Gitter. {uri}"
    assert found == {(f"{uri[:57]}…00aa{n:02x}", topic) for n in range(3)}
    assert (await run(database, tmp_path / "long.tsv"))[0], "once more changes nothing"


async def test_the_sample_archive_is_imported(database: Database) -> None:
    right, said = await run(database, SAMPLE)
    assert right, said
    await check_logs(database)
    found = await read_contents(database)
    assert found.names() == {
        MARA: "mara",
        JUN: "Jun",
        OTHER_JUN: "jun-gitter-bb03",
        OLGA: "Ольга",
        GONE: "removed-tamsin-gitter-bb05",
        NAMELESS: "unknown-gitter-bb06",
        RUI: "rui.k",
        BOT: "tide-bot",
        LOST: "unknown-gitter-none",
    }
    shown = {origin: name for origin, _, name, *_ in found.users}
    assert (shown[OTHER_JUN], shown[GONE], shown[LOST]) == ("jun", "removed~tamsin", "unknown")
    assert {hash_ for *_, hash_, _ in found.users} == {None}, "nobody can log in"
    lounge, tea = read_archive(SAMPLE)
    assert found.rooms == [
        (LOUNGE, "public", "Harbour/Lounge", 36, lounge.posts[0].at),
        (TEA, "public", "Harbour/茶室", 6, tea.posts[0].at),
    ]
    assert found.log(LOUNGE) == ["room.created", *["member.joined"] * 9, *["message.created"] * 26]
    for room in (lounge, tea):
        said_there = [m for (origin, _), m in found.messages.items() if origin == room.origin]
        assert said_there == [(post.origin, post.nonce, post.text, post.at) for post in room.posts]
        joined = [
            (actor, at)
            for (origin, _), (kind, actor, at) in found.events.items()
            if origin == room.origin and kind == "member.joined"
        ]
        assert joined == [(author.origin, author.first_at) for author in room.authors]
    for (origin, _), (kind, actor, at) in found.events.items():
        if kind == "room.created":
            first = lounge if origin == LOUNGE else tea
            assert (actor, at) == (first.authors[0].origin, first.posts[0].at)


async def test_imported_members_have_read_everything(database: Database) -> None:
    await run(database, SAMPLE)
    found = await read_contents(database)
    assert {(room, role, read) for room, _, role, _, read in found.members} == {
        (LOUNGE, Role.MEMBER, 36),
        (TEA, Role.MEMBER, 6),
    }
    members = {(room, origin) for room, origin, *_ in found.members}
    joined = {(p[0], e[1]) for p, e in found.events.items() if e[0] == "member.joined"}
    assert members == joined


async def test_mentions_use_the_names_of_the_archive(database: Database) -> None:
    mara = await database.transact(create_account, "mara")  # somebody else, who is here already
    await run(database, SAMPLE)
    found = await read_contents(database)
    assert found.names()[MARA] == "mara-gitter-bb01"
    by_text = {found.messages[index][2][:20]: users for index, users in found.mentions.items()}
    assert by_text == {
        "Hi @mara, and hello ": {MARA},
        "Доброе утро, @MARA! ": {MARA},
        "@/all: @nobody was a": {OLGA, RUI},
        "@@mara x@mara @mara@": {MARA},  # only the third @ does not stand inside a word
        "@mara @mara @mara, t": {MARA},
        "@jun which of us do ": {JUN},
        "はい @Ольга さん、ありがとう": {OLGA},
    }
    assert await database.read(badge_counts, mara) == []


async def test_a_second_import_adds_nothing(
    database: Database, announced: list[Publication]
) -> None:
    await run(database, SAMPLE)
    first, count = await read_contents(database), len(announced)
    right, said = await run(database, SAMPLE, SAMPLE)
    assert right, said
    assert await read_contents(database) == first
    assert len(announced) == count


async def test_each_imported_event_is_published_once(
    database: Database, announced: list[Publication]
) -> None:
    await run(database, SAMPLE)
    found = await read_contents(database)
    of_users = [one for one in announced if one.kind is PublicationKind.USER_EVENT]
    assert len(announced) - len(of_users) == len(found.events)
    joins = [kind for kind, *_ in found.events.values() if kind == "member.joined"]
    assert len(of_users) == len({(one.user, one.seq) for one in of_users}) >= len(joins) > 0
    assert sum(publication.kind is PublicationKind.MESSAGE for publication in announced) == len(
        found.messages
    )


async def test_a_dry_run_writes_nothing(database: Database) -> None:
    before = await row_counts(database)
    right, said = await run(database, SAMPLE, dry_run=True)
    assert right
    assert await row_counts(database) == before
    # Rows, repeats, messages, and what would be in the database, all of it new.
    assert cells(said, "Harbour/Lounge") == ["31", "5", "26", "26", "26", "agree"]
    assert cells(said, "Harbour/茶室") == ["3", "0", "3", "3", "3", "agree"]
    assert cells(said, "2 rooms") == ["34", "5", "29", "29", "29", ""]
    assert "nothing was written" in said


async def test_a_dry_run_after_a_partial_import(database: Database, tmp_path: Path) -> None:
    await run(database, write(tmp_path / "a.tsv", [row(2), row(1)]))
    before = await read_contents(database)
    right, said = await run(
        database, write(tmp_path / "b.tsv", [row(3), row(2), row(1)]), dry_run=True
    )
    assert right
    assert cells(said, "Pier/Nine") == ["3", "0", "3", "3", "1", "agree"]
    assert await read_contents(database) == before


async def test_the_table_compares_file_and_database(database: Database) -> None:
    _, said = await run(database, SAMPLE)
    assert cells(said, "Harbour/Lounge") == ["31", "5", "26", "26", "26", "agree"]
    _, said = await run(database, SAMPLE)
    assert cells(said, "Harbour/Lounge") == ["31", "5", "26", "26", "0", "agree"]
    assert cells(said, "2 rooms") == ["34", "5", "29", "29", "0", ""]


async def test_a_terminal_shows_a_progress_bar(database: Database, tmp_path: Path) -> None:
    archive = write(tmp_path / "[red]a.tsv", [row(1, uri="[bold]Pier")])
    right, said = await run(database, archive, is_terminal=True)
    assert right
    assert "1/1" in said
    assert "[red]a.tsv  [bold]Pier" in said, "names are no markup"


VERDICT = (
    "1 doubled, 1 with another text, 2 with another author, 1 with another time, 1 out of order"
)


async def test_a_difference_between_file_and_database_is_named(
    database: Database, tmp_path: Path
) -> None:
    archive = write(tmp_path / "a.tsv", [row(4), row(3), row(2, user=2), row(1)])
    await run(database, archive)
    await database.transact(spoil)
    right, said = await run(database, archive)
    assert not right
    assert cells(said, "Pier/Nine") == [
        *["4", "0", "4", "4", "0"],
        VERDICT,
    ]


async def spoil(uow: UnitOfWork) -> None:
    """Change the text of the first message, the sender of the second and the time of the third, and
    duplicate the last one."""
    room = await room_id(uow, PIER)
    seqs = [
        message.seq for message in await uow.messages.list_after_unchecked(room, 0, MAX_SEQ, 10)
    ]
    one, two, three, four = [await uow._session.get(MessageRow, (room, seq)) for seq in seqs]
    assert one is not None
    assert two is not None
    assert three is not None
    assert four is not None
    one.text = "Nobody said this"
    three.at += timedelta(milliseconds=1)
    doubled = MessageRow(
        room_id=room, seq=99, sender_id=two.sender_id, nonce=three.nonce, text=four.text, at=four.at
    )
    doubled.at = three.at - timedelta(milliseconds=1)
    two.sender_id = one.sender_id
    uow._session.add(doubled)


async def test_invalid_files_are_skipped_and_others_imported(
    database: Database, tmp_path: Path
) -> None:
    broken = write(tmp_path / "broken.tsv", [row(2), row(1, at="once")])
    missing = tmp_path / "missing.tsv"
    right, said = await run(database, broken, missing, tmp_path, SAMPLE)
    assert not right
    assert f"{broken}:2: sent_at: should be a time" in said
    assert f"{broken}: nothing of this file was imported" in said
    assert f"{missing}: cannot be read: No such file" in said
    assert f"{tmp_path}: cannot be read: " in said
    assert [room for room, *_ in (await read_contents(database)).rooms] == [LOUNGE, TEA]
