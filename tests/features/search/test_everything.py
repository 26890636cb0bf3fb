"""GET /search: people, rooms and messages for one box."""

from typing import Any

import pytest

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from tests.features.search.finding import indexed


async def search(person: Person, query: str, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = assert_ok(await person.get("/search", q=query, **parameters))
    return found


async def test_names_are_completed_as_they_are_typed(
    server: TestServer, ada: Person, bob: Person
) -> None:
    mine = await ada.makes_room("private", name="Zebra crossing")
    public = await bob.makes_room("public", name="Zebras of the plains")
    await bob.makes_room("private", name="Zebra, secret")
    await ada.says(mine, "a zebra crosses", "zebr ends here")
    await bob.says(public, "no zebra for you")
    await indexed(server, mine, public)
    found = await search(ada, "zebr")
    rooms = {room["id"]: (room["name"], room["is_member"]) for room in found["rooms"]}
    assert rooms == {mine: ("Zebra crossing", True), public: ("Zebras of the plains", False)}
    texts = [hit["message"]["text"] for hit in found["messages"]]
    assert texts == ["zebr ends here", "a zebra crosses"]
    assert [room["id"] for room in (await search(ada, "#crossing"))["rooms"]] == [mine]
    people = (await search(ada, f"@{bob.username[:-1]}", limit=100))["people"]
    assert bob.id in [user["id"] for user in people]
    assert people[0].keys() == {"id", "username", "display_name"}


async def test_filters_and_phrases_find_messages_only(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public", bob, name="Apple tree")
    await ada.says(room, "apple tree")
    await indexed(server, room)
    for query in ('"apple tree"', f"apple from:{ada.username}", "apple has:poll"):
        found = await search(bob, query)
        assert (found["people"], found["rooms"]) == ([], [])
        assert len(found["messages"]) == (0 if "poll" in query else 1)


@pytest.mark.parametrize(
    ("directory", "shown"), [("everybody", True), ("shared_rooms", False), ("exact_name", False)]
)
async def test_people_are_those_whom_the_directory_shows(
    embedded: Backend, directory: str, shown: bool
) -> None:
    settings = without_limits(embedded.override(users={"directory": directory}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob, eve = await server.people(http, "ada", "bob", "bobby")
        await ada.makes_room("private", bob)
        people = {user["id"] for user in (await search(ada, "bob"))["people"]}
        assert people == ({bob.id, eve.id} if shown else {bob.id})
        exact = {user["id"] for user in (await search(ada, eve.username))["people"]}
        assert exact == (set() if directory == "shared_rooms" else {eve.id})
