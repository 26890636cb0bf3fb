"""People who do not want to read somebody."""

import httpx
import pytest
from playwright.async_api import expect

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    people = await server.people(http, "ada", "bob")
    await people[1].patch("/users/me", display_name="Bob")
    return people


@pytest.fixture
async def room(people: list[Person]) -> str:
    room = await people[0].makes_room("public", people[1], name="Kitchen")
    await people[1].says(room, "First noise", "Second noise")
    return room


async def test_messages_of_blocked_people_are_folded(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    ada = await visit(people[0], server.url)
    await ada.open(room)
    await ada.choose("First noise", "Block")
    folded = ada.log.get_by_text("A message of somebody whom you have blocked.")
    await expect(folded).to_have_count(2)
    await expect(ada.message("noise")).to_have_count(0)
    await require_access(ada.page)
    await people[1].says(room, "Third noise")
    await expect(folded).to_have_count(3)
    first = assert_ok(await people[0].get(f"/rooms/{room}/messages"))["items"]
    noise = next(message["seq"] for message in first if message["text"] == "First noise")
    await people[0].sends(room, "Answer", reply_to=noise)
    await expect(ada.message("Answer").locator(".quote")).to_contain_text("whom you have blocked")
    await ada.log.get_by_role("button", name="Show", exact=True).first.click()
    await expect(ada.message("First noise").locator(".text-body")).to_be_visible()
    await expect(ada.log.locator(".message-unfold")).to_have_count(2)
    await ada.page.reload()
    await expect(ada.log.locator(".message-unfold")).to_have_count(3)
    await ada.page.goto(f"{server.url}/r/{room}?panel=preferences")
    await ada.page.locator(".panel-link").filter(has_text="Blocked people").click()
    panel = ada.page.get_by_role("complementary", name="Blocked people")
    await expect(panel.locator(".person")).to_contain_text("Bob")
    await require_access(ada.page)
    await panel.get_by_role("button", name="Unblock").click()
    await expect(panel.get_by_text("You have blocked nobody")).to_be_visible()
    await ada.sees("Second noise", "Third noise")
    assert ada.problems == []


async def test_a_member_is_blocked_on_all_devices_and_it_is_undone(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    ada = await visit(people[0], server.url)
    phone = await visit(people[0], server.url)
    await phone.open(room)
    await ada.open(room, "?panel=members")
    row = ada.page.locator("aside .person").filter(has_text=people[1].username)
    await row.get_by_role("button", name="More actions").click()
    await ada.page.get_by_role("menuitem", name="Block").click()
    await expect(phone.message("noise")).to_have_count(0)
    assert len(assert_ok(await people[0].get("/users/me/blocks"))["items"]) == 1
    await ada.page.get_by_role("button", name="Undo").click()
    await phone.sees("First noise", "Second noise")
