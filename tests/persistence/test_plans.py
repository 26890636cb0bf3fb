"""Hot queries do no full scan and no sort on any database.

The statements of the real use cases are recorded and explained on tables that are large enough for
a scan to be the worse plan.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from app.application.session_lookup import load_actors
from app.consumers.search import SearchIndexing
from app.core.clock import now
from app.core.ids import new_id
from app.core.message_commands import EditRequest
from app.core.send_request import SendRequest, SendResult
from app.core.server_state import ServerState
from app.core.tokens import Claims
from app.messages import deletion, pages, threads
from app.messages.pages import PagePosition
from app.messages.send.batch import commit_batch
from app.messages.service import mark_read, mark_unread
from app.persistence.database import Database
from app.persistence.engine import create_engines
from app.persistence.repositories.consumers import LogRange
from app.persistence.repositories.mention_order import MentionKey
from app.persistence.repositories.threads import ThreadPosition
from app.persistence.repositories.user_logs import UserLogRange
from app.persistence.tables import Base
from app.realtime.connection.room_list import load_hello_state, load_room_list
from app.realtime.delivery.catchup import CatchUpRequest, load_catch_up
from app.rooms import service as rooms
from app.rooms.membership import join
from app.search.messages import find_messages
from app.search.query import parse_query
from app.wire.client_frames import RoomPosition
from app.wire.content import Content
from app.wire.domain import SearchOrder
from app.wire.errors import Forbidden, NotFound
from testkit.limits import LIMITS
from testkit.servers.backend import make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb
from tests.persistence.item_queries import ITEM_QUERIES
from tests.persistence.large_dataset import (
    ACTOR_LOG,
    LARGE_ROOM_MEMBERS,
    LONG_ROOM_MESSAGES,
    LONG_THREAD,
    SHORT_LOG,
    LargeDataset,
    create_large_dataset,
)
from tests.persistence.moderation_queries import MODERATION_QUERIES
from tests.persistence.plans import (
    analyze,
    count_rows_read,
    database_kind,
    plan_problems,
    recorded_queries,
)

Query = Callable[[LargeDataset], Awaitable[object]]
# So that each execution changes something.
INCREASING, DECREASING = itertools.count(10), itertools.count(9, -1)


async def no_room(world: LargeDataset) -> None:
    with pytest.raises(NotFound):
        await world.database.read_directly(pages.page_before, world.actor.user, new_id(), None, 50)


async def refused(world: LargeDataset) -> None:
    stranger = new_id()
    with pytest.raises((NotFound, Forbidden)):
        await world.database.read_directly(pages.page_before, stranger, world.room, None, 50)


async def mention_all(world: LargeDataset) -> None:
    """A send, and then the entries of members who were mentioned."""
    actor = replace(world.actor, is_admin=True)
    online = frozenset(world.users[:50])
    send = SendRequest(actor, world.room, str(new_id()), Content(text="@here @user-1"), online)
    await world.database.transact(commit_batch, [send], LIMITS, wait=True)
    pairs = [(world.room, user) for user in world.users[1:20]]
    rows = await world.database.read_directly(lambda reads: reads.room_lists.entries(pairs))
    assert any(row.mentions for row in rows)


async def delete_a_reply(world: LargeDataset) -> None:
    """One that was just sent."""
    send = SendRequest(world.actor, world.room, str(new_id()), Content(text="hi", thread=9))
    [sent] = await world.database.transact(commit_batch, [send], LIMITS, wait=False)
    assert isinstance(sent, SendResult)
    seq = sent.message.seq
    await world.database.transact(deletion.delete_message, world.actor, world.room, seq)


async def search(query: str, world: LargeDataset, order: SearchOrder = SearchOrder.TIME) -> None:
    parsed = parse_query(query, 50)
    found = await world.database.read_directly(
        find_messages, world.actor.user, parsed, order, None, 20
    )
    assert found.hits


async def index_log(world: LargeDataset) -> None:
    """Messages that are indexed, and one that is not."""
    send = SendRequest(world.actor, world.room, str(new_id()), Content(text="new text"))
    [sent] = await world.database.transact(commit_batch, [send], LIMITS, wait=False)
    assert isinstance(sent, SendResult)
    seq = sent.message.seq
    log = [LogRange(world.room, seq - 50, seq), LogRange(world.rooms[3], 0, 5)]
    await world.database.transact(SearchIndexing().handle, log)


async def edit_a_message(world: LargeDataset) -> None:
    """And what it is found by."""
    sender = replace(world.actor, user=world.users[0])
    number = next(INCREASING)
    edit = EditRequest(sender, world.room, 10 * number, f"text {number}", 1)
    await world.database.transact(commit_batch, [edit], LIMITS, wait=False)


SEARCHES = ("text 3000 ", "text", "300", '"text 30" -x', "from:me 3000 ", "-x")
# Each is what a client or a worker does all the time.
HOT: dict[str, Query] = {
    "who calls": lambda w: w.database.read_directly(
        load_actors, [Claims(w.actor.user, w.actor.session)]
    ),
    "newest page": lambda w: w.database.read_directly(
        pages.page_before, w.actor.user, w.room, None, 50
    ),
    "page before": lambda w: w.database.read_directly(
        pages.page_before, w.actor.user, w.room, 3000, 50
    ),
    "page after": lambda w: w.database.read_directly(
        pages.page_after, w.actor.user, w.room, 3000, 50
    ),
    "page around": lambda w: w.database.read_directly(
        pages.page_around, w.actor.user, w.room, 3000, 50
    ),
    "newest page of a thread": lambda w: w.database.read_directly(
        pages.get_thread_page, w.actor.user, w.room, LONG_THREAD, PagePosition(), 50
    ),
    "page of a thread before": lambda w: w.database.read_directly(
        pages.get_thread_page, w.actor.user, w.room, LONG_THREAD, PagePosition(before=5000), 50
    ),
    "page of a thread after": lambda w: w.database.read_directly(
        pages.get_thread_page, w.actor.user, w.room, LONG_THREAD, PagePosition(after=5000), 50
    ),
    "a thread": lambda w: w.database.read(threads.get_thread, w.actor, w.room, LONG_THREAD),
    "threads of a room": lambda w: w.database.read(threads.list_threads, w.actor, w.room, 5000, 50),
    "followed threads": lambda w: w.database.read(threads.list_followed_threads, w.actor, None, 20),
    "followed threads, next page": lambda w: w.database.read(
        threads.list_followed_threads, w.actor, ThreadPosition(now(), w.room, 5), 20
    ),
    "one message": lambda w: w.database.read_directly(pages.get, w.actor.user, w.room, 3000),
    "events": lambda w: w.database.read_directly(
        pages.list_events, w.actor.user, w.room, 3000, 2**53, 100
    ),
    "room list": lambda w: w.database.read(rooms.list_rooms, w.actor.user, None, 50),
    "room list, next page": lambda w: w.database.read(
        rooms.list_rooms, w.actor.user, w.rooms[5], 50
    ),
    "hello: rooms": lambda w: w.database.read_directly(load_hello_state, [w.actor]),
    "hello: all": lambda w: w.database.read_directly(load_room_list, [w.list_request(since=False)]),
    "hello: since": lambda w: w.database.read_directly(
        load_room_list, [w.list_request(since=True)]
    ),
    "open": lambda w: w.database.read_directly(
        load_catch_up,
        [
            CatchUpRequest(
                actor=w.actor,
                positions=[RoomPosition(room=w.room, since=LONG_ROOM_MESSAGES - 20)],
                state=ServerState("an epoch", restores=0, clock_steps=0),
                max_events_per_room=100,
                max_events=1000,
                max_bytes=2**20,
            )
        ],
    ),
    "open, of who has gone": lambda w: w.database.read_directly(
        lambda reads: reads.memberships.ended_extents(
            [(room, w.actor.user) for room in w.rooms[:20]]
        )
    ),
    "open, of who has gone: what was changed": lambda w: w.database.read_directly(
        lambda reads: reads.events.last_changed(
            [(w.room, LONG_ROOM_MESSAGES - 200, LONG_ROOM_MESSAGES - 100)]
        )
    ),
    "whose username": lambda w: w.database.read(lambda reads: reads.users.like("user-1")),
    "somebody met": lambda w: w.database.read(
        lambda reads: reads.members.filter_met(w.actor.user, w.users[-1:])
    ),
    "entries": lambda w: w.database.read_directly(
        lambda reads: reads.room_lists.entries([(room, w.actor.user) for room in w.rooms[:20]])
    ),
    "entry": lambda w: w.database.read_directly(
        lambda reads: reads.room_lists.entries([(w.room, w.actor.user)])
    ),
    "entry of a backlog": lambda w: w.database.read_directly(
        lambda reads: reads.room_lists.entries([(w.room, w.users[LARGE_ROOM_MEMBERS - 1])])
    ),
    "entry of a room that is not counted": lambda w: w.database.read_directly(
        lambda reads: reads.room_lists.entries([(w.uncounted_room, w.actor.user)])
    ),
    "heads": lambda w: w.database.read(lambda reads: reads.rooms.latest_seqs(w.rooms[:50])),
    "sweep": lambda w: w.database.read(lambda reads: reads.rooms.changed_since(15)),
    "sweep: memberships": lambda w: w.database.read(
        lambda reads: reads.events.list_membership_changes([(room, 2, 9) for room in w.rooms[:20]])
    ),
    "sweep: logs of users": lambda w: w.database.read(
        lambda reads: reads.user_logs.changed_since(15)
    ),
    "sweep: rooms of users": lambda w: w.database.read(
        lambda reads: reads.user_logs.subjects_in(
            [
                UserLogRange(w.actor.user, ACTOR_LOG - 20, ACTOR_LOG),
                *(UserLogRange(user, 0, SHORT_LOG) for user in w.users[1:20]),
            ]
        )
    ),
    "heads of users": lambda w: w.database.read(lambda reads: reads.user_logs.heads(w.users[:50])),
    "log of a user": lambda w: w.database.read(
        lambda reads: reads.user_logs.list_events(w.actor.user, 3000, 100)
    ),
    "trimmed log of a user": lambda w: w.database.read(
        lambda reads: reads.user_logs.trimmed_seq(w.actor.user)
    ),
    "sessions": lambda w: w.database.read(
        lambda reads: reads.session_states.filter_active([w.actor.session], now())
    ),
    "sessions, all": lambda w: w.database.read(
        lambda reads: reads.session_states.are_active([w.actor.session], now())
    ),
    "send": lambda w: w.database.transact(
        commit_batch,
        [
            SendRequest(w.actor, w.room, str(new_id()), Content(text="hi @user-1", reply_to=99)),
            SendRequest(w.actor, w.room, "n-3000", Content(text="text 3000")),
        ],
        LIMITS,
        wait=False,
    ),
    "reply in a thread": lambda w: w.database.transact(
        commit_batch,
        [
            SendRequest(w.actor, w.room, str(new_id()), Content(text="hi @user-1", thread=root))
            for root in (7, LONG_THREAD, 7)
        ],
        LIMITS,
        wait=False,
    ),
    "delete a reply": delete_a_reply,
    "read a thread": lambda w: w.database.transact(
        threads.mark_thread_read, w.actor, w.room, LONG_THREAD, 3000 + next(INCREASING)
    ),
    "send to several rooms": lambda w: w.database.transact(
        commit_batch,
        [SendRequest(w.actor, room, str(new_id()), Content(text="hello")) for room in w.rooms[:8]],
        LIMITS,
        wait=False,
    ),
    "mark read": lambda w: w.database.transact(
        mark_read, w.actor, w.room, LONG_ROOM_MESSAGES - next(DECREASING)
    ),
    "mark unread": lambda w: w.database.transact(mark_unread, w.actor, w.room, next(INCREASING)),
    "join": lambda w: w.database.transact(join, w.actor, w.rooms[500 + next(INCREASING)], 10_000),
    "ticket": lambda w: w.database.transact(
        lambda uow: uow.sessions.consume_ticket(b"t" * 32, now())
    ),
    "ticket, the newest": lambda w: w.database.transact(
        lambda uow: uow.sessions.keep_newest_tickets(w.actor.session, 20)
    ),
    "confirm": lambda w: w.database.transact(
        lambda uow: uow.sessions.confirm(w.actor.session, now())
    ),
    "members": lambda w: w.database.read(
        lambda reads: reads.members.list_members(w.rooms[1], None, 100, w.actor.user)
    ),
    "members of a huge room": lambda w: w.database.read(
        lambda reads: reads.members.list_members(w.room, None, 100, w.actor.user)
    ),
    "readers": lambda w: w.database.read(
        lambda reads: reads.read_by.find(w.room, 3000, w.actor.user, 101)
    ),
    "votes": lambda w: w.database.read(
        lambda reads: reads.polls.list_votes(w.room, 3000, w.actor.user, None, None, 101)
    ),
    "own votes": lambda w: w.database.read(
        lambda reads: reads.polls.list_options(w.room, 3000, w.actor.user)
    ),
    "what is due": lambda w: w.database.read(lambda reads: reads.retentions.is_anything_due()),
    "expired messages": lambda w: w.database.read(lambda reads: reads.retentions.list_expired(100)),
    "old messages": lambda w: w.database.read(
        lambda reads: reads.retentions.list_next(w.room, 1000, 100)
    ),
    "public rooms": lambda w: w.database.read(rooms.public_rooms, "", None, 50),
    "mentions of many": mention_all,
    "my mentions": lambda w: w.database.read_directly(
        lambda reads: reads.mentions.page(w.actor.user, None, 50)
    ),
    "my earlier mentions": lambda w: w.database.read_directly(
        lambda reads: reads.mentions.page(
            w.actor.user, MentionKey(now() + timedelta(seconds=60), w.room, 40), 50
        )
    ),
    **ITEM_QUERIES,
    **MODERATION_QUERIES,
    **{f"search: {query}": partial(search, query) for query in SEARCHES},
    "search by relevance": partial(search, "text 3000 ", order=SearchOrder.RELEVANCE),
    "index new messages": index_log,
    "edit a message": edit_a_message,
    "no room": no_room,
    "refused": refused,
}

BY_NAME = "by username, which stands in another table than the room; bounded by the room's members"
TWO_PEOPLE = "the rooms that both are in, which are one row in the end"
CANDIDATES = "the newest mentions of many, in the order of their index, of which few are read"
FOLLOWED = "by the last reply, which stands in another table; bounded by what the user follows"
RANGES = "rows of some short ranges of logs, which SQLite gathers range by range"
RANKED = "the newest 10,000 matches, by their score"
BEGINNINGS = "the documents of all terms that begin so, which are less than 10,000"
# (database, query): what its plan does all the same, and why that is all right.
ALLOWED: dict[tuple[str, str], tuple[set[str], str]] = {
    ("sqlite", "members"): ({"sorts"}, BY_NAME),
    **{
        (database, query): ({"sorts"}, FOLLOWED)
        for database in ("sqlite", "mariadb", "mysql")
        for query in ("followed threads", "followed threads, next page")
    },
    ("sqlite", "search by relevance"): ({"sorts", "full scan of matches"}, RANKED),
    **{
        (database, query): ({"sorts"}, reason)
        for database in ("mariadb", "mysql")
        for query, reason in (("search by relevance", RANKED), ("search: 300", BEGINNINGS))
    },
    ("sqlite", "sweep: memberships"): ({"sorts"}, RANGES),
    ("sqlite", "my mentions"): ({"full scan of candidate"}, CANDIDATES),
    ("sqlite", "my earlier mentions"): ({"full scan of candidate"}, CANDIDATES),
    ("sqlite", "mentions of many"): (
        {"sorts", "full scan of newest", "full scan of seqs"},
        "the newest mentions of many, which are at most one more than `max_unread`",
    ),
    ("mariadb", "members"): ({"sorts"}, BY_NAME),
    ("mariadb", "somebody met"): ({"sorts"}, TWO_PEOPLE),
    ("mysql", "somebody met"): ({"sorts"}, TWO_PEOPLE),
    ("mysql", "members"): ({"sorts"}, BY_NAME),
    ("mysql", "members of a huge room"): ({"sorts"}, BY_NAME),
}

MARIADB = pytest.param("mariadb", marks=pytest.mark.cluster)
# Both are much less than the long room has messages.
MAX_ROWS_READ, MAX_UNREAD = 500, 50
# The list of members is in the order of their names, which are in another table. A search looks at
# some thousands of documents, whatever the room.
READS_MORE = {
    "members of a huge room",
    "search by relevance",
    *(f"search: {query}" for query in SEARCHES),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("sqlite", marks=pytest.mark.embedded),
        MARIADB,
    ],
)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LargeDataset]:
    directory = tmp_path_factory.mktemp("plans")
    if request.param == "sqlite":
        async with _filled(f"sqlite:///{directory / 'chat.db'}", directory) as made:
            yield made
        return
    mariadb: MariaDb = request.getfixturevalue("mariadb")
    async with mariadb.database(unique_name()) as url, _filled(url, directory) as made:
        yield made


@asynccontextmanager
async def _filled(url: str, directory: Path) -> AsyncIterator[LargeDataset]:
    settings = make_settings(directory, database=url)
    await migrate(settings)
    engines = create_engines(settings.database)
    database = Database(engines, lambda _: None, settings.database.max_attempts, MAX_UNREAD)
    try:
        made = await create_large_dataset(database)
        await analyze(database, [table.name for table in Base.metadata.sorted_tables])
        yield made
    finally:
        await database.dispose()


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_query_scans_no_table(world: LargeDataset, name: str) -> None:
    with recorded_queries(world.database) as statements:
        await HOT[name](world)
    assert statements, "nothing was asked: this looks in the wrong place"
    found = {
        (complaint, statement.sql)
        for statement in statements
        for complaint in await plan_problems(world.database, statement)
    }
    allowed, _ = ALLOWED.get((database_kind(world.database), name), (set(), ""))
    assert {complaint for complaint, _ in found} == allowed, found


@pytest.mark.parametrize("world", [MARIADB], indirect=True)  # SQLite does not count them
@pytest.mark.parametrize("name", [name for name in HOT if name not in READS_MORE])
async def test_a_hot_query_reads_no_more_rows_of_a_long_log(world: LargeDataset, name: str) -> None:
    """A plan that uses a key may still read all messages of a room: for `seq > members.read_seq`
    MySQL and MariaDB do."""
    with recorded_queries(world.database) as statements:
        await HOT[name](world)
    rows = [(await count_rows_read(world.database, found), found.sql) for found in statements]
    assert max(rows) < (MAX_ROWS_READ, ""), rows


async def test_a_scan_and_a_sort_are_detected(world: LargeDataset) -> None:
    """These queries scan a table or sort it."""
    with recorded_queries(world.database) as statements:
        await world.database.read(lambda reads: reads.users.search("nobody", None, 10))
        await world.database.read(lambda reads: reads.events.find_broken_logs())
    scan, density = statements
    assert any("full scan" in found for found in await plan_problems(world.database, scan))
    assert any("full scan" in found for found in await plan_problems(world.database, density))
    by_name = scan._replace(sql="SELECT id FROM users ORDER BY display_name", parameter_sets=())
    assert "sorts" in await plan_problems(world.database, by_name)
