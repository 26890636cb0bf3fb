"""Without a network nothing is missing afterwards, nothing doubled, nothing in another order."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from app.settings import Settings
from testkit.people import Person
from testkit.processes import run_process
from testkit.server import PASSWORD, TestServer, fast_settings, new_embedded_settings
from testkit.server_fixtures import shared_server
from testkit.waiting import LIMIT_S, eventually
from tests.browser.visitor import Visit, Visitor, new_visitor

server = shared_server("session")

STORES = """async (text) => {
    for (const { name } of await indexedDB.databases()) {
        const done = (request) => new Promise((resolve) => {
            request.onsuccess = () => resolve(request.result);
        });
        const database = await done(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
            const all = await done(database.transaction(store).objectStore(store).getAll());
            const rooms = all.map((value) => value?.messages ?? []);  // not the list of rooms
            if (JSON.stringify(rooms).includes(text)) return true;
        }
    }
    return false;
}"""
WAITS = "No connection. One message waits and will be sent."


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    return await people[0].makes_room("public", people[1], name="Kitchen")


@pytest.fixture
async def ada(server: TestServer, people: list[Person], room: str, visit: Visit) -> Visitor:
    visitor = await visit(people[0], server.url)
    await visitor.open(room)
    return visitor


async def test_a_message_without_a_network_waits_and_is_sent_once(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await ada.write("Before")
    await ada.sees_sent("Before")
    await ada.context.set_offline(True)
    await ada.write("Meanwhile")
    await expect(ada.message("Meanwhile")).to_have_attribute("data-pending", "waiting")
    place = await ada.message("Meanwhile").bounding_box()
    await people[1].says(room, "From elsewhere")
    await expect(ada.page.get_by_text(WAITS)).to_be_visible()
    assert await ada.message("Meanwhile").bounding_box() == place
    await ada.context.set_offline(False)
    await ada.sees_sent("Before", "From elsewhere", "Meanwhile")
    await expect(ada.page.get_by_text("No connection")).to_have_count(0)
    assert await _sent(people[0], room) == ["Before", "From elsewhere", "Meanwhile"]


async def test_the_page_starts_without_a_network_with_what_was_seen(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await ada.write("Remember this")
    await ada.sees_sent("Remember this")
    await ada.page.evaluate("navigator.serviceWorker.ready")
    await ada.page.reload()
    await ada.sees_sent("Remember this")
    await eventually(lambda: _is_stored(ada, "Remember this"))
    await ada.context.set_offline(True)
    await ada.page.reload()
    await ada.sees("Remember this")
    await ada.write("Written in the tunnel")
    await expect(ada.message("Written in the tunnel")).to_have_attribute("data-pending", "waiting")
    await ada.page.reload()
    await ada.sees("Remember this", "Written in the tunnel")
    await ada.context.set_offline(False)
    await ada.sees_sent("Written in the tunnel")
    assert await _sent(people[0], room) == ["Remember this", "Written in the tunnel"]


async def test_two_tabs_show_the_same(ada: Visitor, people: list[Person], room: str) -> None:
    second = await new_visitor(ada.context, ada.person, ada.url)
    await second.open(room)
    await ada.write("From the first tab")
    await second.sees_sent("From the first tab")
    await second.write("From the second tab")
    await ada.sees_sent("From the second tab")
    await ada.page.close()
    await second.write("The first is closed")
    await second.sees_sent("From the first tab", "From the second tab", "The first is closed")
    assert await _sent(people[0], room) == [
        *("From the first tab", "From the second tab", "The first is closed")
    ]


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with new_embedded_settings(tmp_path) as made:
        yield fast_settings(made)


async def test_the_conversation_goes_on_after_the_server_was_killed(
    settings: Settings, tmp_path: Path, visit: Visit
) -> None:
    async with run_process(settings, tmp_path) as first:
        port, url = first.port, first.url
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as http:
            person = await _register(http, "ada")
            room = await person.makes_room(name="Kitchen")
            ada = await visit(person, url)
            await ada.open(room)
            await ada.write("Before")
            await ada.sees_sent("Before")
        await first.stop()
    await ada.write("While it is dead")
    await expect(ada.message("While it is dead")).not_to_have_attribute("data-pending", "no")
    async with run_process(settings, tmp_path, port):
        await ada.sees_sent("Before", "While it is dead")
        await ada.write("After")
        await ada.sees_sent("After")
        assert await ada.texts() == ["Before", "While it is dead", "After"]


async def _register(http: httpx.AsyncClient, username: str) -> Person:
    account = {"username": username, "password": PASSWORD}
    made = (await http.post("/api/v1/auth/register", json=account)).json()
    form = account | {"grant_type": "password"}
    tokens = (await http.post("/api/v1/auth/token", data=form)).json()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    return Person(http, made["id"], username, access, refresh, session="")


async def _sent(person: Person, room: str) -> list[str]:
    page = (await person.get(f"/rooms/{room}/messages")).json()
    return [message["text"] for message in page["items"]]


async def _is_stored(visitor: Visitor, text: str) -> bool:
    """Whether the device would still know the text after a crash."""
    found: bool = await visitor.page.evaluate(STORES, text)
    return found
