"""With a keyboard, with a screen reader, and for those who need larger or stronger signs."""

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from testkit.people import Person
from testkit.server import PASSWORD, TestServer
from tests.browser.axe import findings
from tests.browser.visitor import Visit, Visitor

VIEWS = {
    "room": "",
    "members": "?panel=members",
    "settings": "?panel=room",
    "notifications": "?panel=notifications",
    "preferences": "?panel=preferences",
    "shortcuts": "?panel=shortcuts",
    "mentions": "?panel=mentions",
    "pins": "?panel=pins",
    "search": "?panel=search&q=tea",
    "search of nothing": "?panel=search",
    "invites": "?panel=room-invites",
    "permissions": "?panel=room-permissions",
    "sanctions": "?panel=room-sanctions",
    "wrong search": "?panel=search&q=has%3Afile",
}


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    """With everything that a message can have."""
    ada, bob = people
    room = await bob.makes_room("public", ada, name="Kitchen")
    [root] = await bob.says(
        room, "**Look** at [this](https://example.com)\n\n```sql\nselect 1\n```"
    )
    await bob.sends(room, "A reply", reply_to=root)
    await ada.sends(room, "In the thread", thread=root)
    await bob.sends(room, f"@{ada.username} tea?", poll={"options": ["Yes", "No"]})
    await ada.put(f"/rooms/{room}/messages/{root}/reactions/👍")
    await bob.put(f"/rooms/{room}/messages/{root}/pin")
    return room


@pytest.fixture
async def ada(server: TestServer, people: list[Person], visit: Visit) -> Visitor:
    return await visit(people[0], server.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
async def test_axe_finds_nothing(ada: Visitor, room: str, view: str, scheme: Any) -> None:
    await ada.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await ada.open(room, VIEWS[view])
    await ada.sees("tea?")
    if VIEWS[view]:
        await expect(ada.page.locator("aside.panel .panel-body")).to_be_visible()
        await expect(ada.page.locator("aside.panel .skeleton")).to_have_count(0)
    assert await findings(ada.page) == []


async def test_axe_finds_nothing_before_the_session(server: TestServer, page: Page) -> None:
    await page.goto(f"{server.url}/sign-in")
    await expect(page.get_by_label("Username")).to_be_visible()
    assert await findings(page) == []
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_label("Display name")).to_be_visible()
    assert await findings(page) == []


async def test_axe_finds_nothing_in_what_floats(ada: Visitor, room: str) -> None:
    await ada.page.emulate_media(reduced_motion="reduce")
    await ada.open(room)
    await ada.page.keyboard.press("Control+k")
    await expect(ada.page.get_by_role("option").first).to_be_visible()
    assert await findings(ada.page) == []
    await ada.page.keyboard.press("Escape")
    await ada.message("A reply").hover()
    await ada.message("A reply").get_by_role("button", name="More actions").click()
    await expect(ada.page.get_by_role("menuitem").first).to_be_visible()
    assert await findings(ada.page) == []
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_role("button", name="Emoji").click()
    await expect(ada.page.get_by_role("button", name="grinning face", exact=True)).to_be_visible()
    assert await findings(ada.page) == []


async def test_everything_can_be_done_with_the_keyboard(
    server: TestServer, people: list[Person], room: str, page: Page
) -> None:
    keyboard = page.keyboard
    await page.goto(f"{server.url}/sign-in")
    await expect(page.get_by_label("Username")).to_be_focused()
    await keyboard.type(people[0].username)
    await keyboard.press("Tab")
    await keyboard.type(PASSWORD)
    await keyboard.press("Enter")
    await expect(page.get_by_role("navigation")).to_be_visible()
    await keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await keyboard.type("kitch")
    await expect(page.get_by_role("option").first).to_contain_text("Kitchen")
    await keyboard.press("Enter")
    await expect(page.locator("main .composer textarea")).to_be_focused()
    await keyboard.type("Typed")
    await keyboard.press("Enter")
    message = page.locator("main article").filter(has_text="Typed")
    await expect(message).to_have_attribute("data-pending", "no")
    await keyboard.press("Shift+Tab")
    while not await page.evaluate("() => document.activeElement.matches('[role=log]')"):
        await keyboard.press("Shift+Tab")
    await keyboard.press("ArrowUp")  # to the last one in view
    while not await message.evaluate("(message) => message === document.activeElement"):
        await keyboard.press("ArrowDown")
    await keyboard.press("e")
    await expect(page.get_by_label("Edit message")).to_be_focused()
    await keyboard.type(" and changed")
    await keyboard.press("Enter")
    await expect(message).to_contain_text("Typed and changed")
    await message.focus()
    await keyboard.press("t")
    await expect(page.get_by_role("complementary", name="Thread")).to_be_visible()
    await keyboard.press("Control+/")
    await expect(page.get_by_role("complementary", name="Keyboard shortcuts")).to_be_visible()
    await keyboard.press("Escape")
    await expect(page.get_by_role("complementary")).to_have_count(0)


async def test_new_messages_are_announced_with_the_name_first(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await ada.open(room)
    await ada.sees("tea?")
    await people[1].says(room, "The kettle is *on*")
    said = ada.page.locator("[aria-live=polite]")
    await expect(said).to_have_text(f"Bob of {people[1].username}: The kettle is on")


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
async def test_nothing_scrolls_sideways(ada: Visitor, room: str, width: int) -> None:
    """320 px is a window of 1280 px at a zoom of 400 %."""
    await ada.page.set_viewport_size({"width": width, "height": 640})
    await ada.open(room)
    await ada.sees("tea?")
    beyond = "(e) => e.scrollWidth - e.clientWidth"
    assert await ada.page.locator("html").evaluate(beyond) <= 0
    assert await ada.log.evaluate(beyond) <= 0


async def test_arabic_turns_the_page(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    ada = await visit(people[0], server.url, locale="ar")
    await ada.open(room)
    await expect(ada.page.locator("html")).to_have_attribute("dir", "rtl")
    side, main = await ada.page.locator(".side").bounding_box(), await ada.log.bounding_box()
    assert side is not None
    assert main is not None
    assert side["x"] > main["x"]
