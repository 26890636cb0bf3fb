"""Searches of tests. New messages are found when the reader of the logs has come by."""

from typing import Any
from uuid import UUID

from app.consumers.search import SearchIndexing
from testkit.answers import assert_ok
from testkit.people import Person, all_pages
from testkit.server import TestServer
from testkit.waiting import eventually

PATH = "/search/messages"


async def indexed(server: TestServer, *rooms: str) -> None:
    """Wait until everything that these rooms have so far can be found."""
    ids = list(map(UUID, rooms))

    async def is_indexed() -> bool:
        unread = await server.context.database.read(
            lambda reads: reads.consumers.unread_in(SearchIndexing.name, ids)
        )
        return not unread

    await eventually(is_indexed)


async def found(person: Person, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """All hits, page after page."""
    pages = await all_pages(person, PATH, q=query, **parameters)
    return [hit for page in pages for hit in page]


async def texts(person: Person, query: str, **parameters: Any) -> list[str]:
    return [hit["message"]["text"] for hit in await found(person, query, **parameters)]


async def highlighted(person: Person, query: str) -> list[list[str]]:
    """What of each text is highlighted."""
    return [
        [hit["message"]["text"][part["start"] : part["end"]] for part in hit["highlights"]]
        for hit in assert_ok(await person.get(PATH, q=query))["items"]
    ]
