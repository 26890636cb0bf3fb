"""Ways into a room: public rooms, invite links, requests to join."""

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import PASSWORD, TestServer
from tests.browser.visitor import Visit, Visitor


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    return await people[0].makes_room("private", name="Cellar")


@pytest.fixture
async def ada(server: TestServer, people: list[Person], room: str, visit: Visit) -> Visitor:
    visitor = await visit(people[0], server.url)
    await visitor.open(room)
    return visitor


@pytest.fixture
async def bob(server: TestServer, people: list[Person], visit: Visit) -> Visitor:
    return await visit(people[1], server.url)


async def make_link(person: Person, room: str, **spec: object) -> str:
    invite = assert_ok(await person.post(f"/rooms/{room}/invites", **spec), 201)
    return f"/invite/{invite['code']}"


async def panel(visitor: Visitor, name: str) -> Locator:
    await visitor.page.get_by_role("button", name="Room settings").click()
    await visitor.page.locator(".panel-link").filter(has_text=name).click()
    return visitor.page.get_by_role("complementary", name=name)


async def test_a_link_is_made_used_and_revoked(
    ada: Visitor, bob: Visitor, people: list[Person]
) -> None:
    links = await panel(ada, "Invite links")
    await links.get_by_label("Uses").select_option(label="5")
    await links.get_by_label("People who come by it become").select_option(label="Guest")
    await links.get_by_role("button", name="Make a link").click()
    row = links.locator("article")
    await expect(row).to_contain_text("0 of 5 uses · Guest")
    link = await row.locator(".invite-link bdi").get_attribute("title")
    assert link
    await bob.page.goto(link)
    await expect(bob.page.get_by_role("heading", level=1)).to_have_text("You are invited to Cellar")
    await expect(bob.page.locator("main")).to_contain_text("1 member · You become: Guest")
    await bob.page.get_by_role("button", name="Join the room").click()
    await expect(bob.composer).to_be_visible()
    await bob.page.goto(link)
    await expect(bob.page.get_by_role("button", name="Open")).to_be_visible()
    await ada.page.reload()
    await row.get_by_role("button", name="Who came by it").click()
    await expect(row.get_by_role("list")).to_contain_text(people[1].username)
    await row.get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("Revoked")
    await bob.page.goto(link)
    await expect(bob.page.get_by_role("heading", level=1)).to_have_text("This invite does not work")
    assert ada.problems == bob.problems == []


async def test_a_new_account_arrives_at_the_invite(
    server: TestServer, people: list[Person], room: str, page: Page
) -> None:
    await page.goto(f"{server.url}{await make_link(people[0], room)}")
    await expect(page.get_by_text("You are invited to a room.")).to_be_visible()
    await page.get_by_role("button", name="Create account").click()
    await page.get_by_label("Username").fill(f"{people[0].username}friend")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await page.get_by_role("button", name="Join the room").click()
    await expect(page.locator("main .composer textarea")).to_be_visible()


async def test_signing_in_returns_to_the_invite(
    server: TestServer, people: list[Person], room: str, page: Page
) -> None:
    await page.goto(f"{server.url}{await make_link(people[0], room)}")
    await page.get_by_label("Username").fill(people[1].username)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Password").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are invited to Cellar")


async def test_a_request_is_approved(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    await ada.page.get_by_role("button", name="Room settings").click()
    await ada.page.get_by_role("switch", name="Requests to join").check()
    await bob.page.goto(f"{bob.url}/r/{room}")
    ask = bob.page.get_by_role("button", name="Ask to join")
    await ask.click()
    await bob.page.get_by_label("Note").fill("I bring wine")
    await ask.click()
    await expect(bob.page.get_by_text("You have asked to join")).to_be_visible()
    await ada.page.reload()
    await expect(ada.page.locator("main header")).to_contain_text("1 request to join")
    await ada.page.locator(".panel-link").filter(has_text="Requests to join").click()
    requests = ada.page.get_by_role("complementary", name="Requests to join")
    await expect(requests).to_contain_text("I bring wine")
    await requests.get_by_role("button", name="Approve").click()
    await expect(bob.composer).to_be_visible()
    await expect(requests.get_by_text("Nobody asks to join")).to_be_visible()
    await expect(ada.page.locator("main header")).not_to_contain_text("1 request to join")


async def test_a_request_is_cancelled(bob: Visitor, people: list[Person], room: str) -> None:
    await people[0].patch(f"/rooms/{room}", settings={"join_requests": True})
    await bob.page.goto(f"{bob.url}/r/{room}")
    ask = bob.page.get_by_role("button", name="Ask to join")
    await ask.click()
    await ask.click()
    await expect(bob.page.get_by_text("You have asked to join")).to_be_visible()
    await bob.page.reload()
    await bob.page.get_by_role("button", name="Cancel the request").click()
    await expect(ask).to_be_visible()
    assert assert_ok(await people[0].get(f"/rooms/{room}/join-requests"))["items"] == []


async def test_a_room_that_takes_no_requests_says_so(bob: Visitor, room: str) -> None:
    await bob.page.goto(f"{bob.url}/r/{room}")
    ask = bob.page.get_by_role("button", name="Ask to join")
    await ask.click()
    await ask.click()
    await expect(bob.page.get_by_text("takes no requests to join")).to_be_visible()


async def test_a_public_room_is_joined_at_its_address(bob: Visitor, people: list[Person]) -> None:
    room = await people[0].makes_room("public", name="Market")
    await bob.page.goto(f"{bob.url}/r/{room}")
    await expect(bob.page.get_by_role("heading", level=1)).to_have_text("Market")
    await bob.page.get_by_role("button", name="Join the room").click()
    await expect(bob.composer).to_be_visible()
