"""What a room keeps and shows, and for how long."""

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
    return await server.people(http, "ada", "bob")


async def test_new_members_see_no_history_where_the_room_says_so(
    server: TestServer, people: list[Person], visit: Visit
) -> None:
    ada, bob = people
    room = await ada.makes_room("public", name="Kitchen")
    await ada.says(room, "Before")
    visitor = await visit(ada, server.url)
    await visitor.open(room, "?panel=room")
    seen = visitor.page.get_by_label("What new members see")
    await expect(seen).to_have_value("all")
    await seen.select_option(label="Only what is written after they join")
    await require_access(visitor.page)
    await visitor.page.reload()
    await expect(seen).to_have_value("since_joining")
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await ada.says(room, "After")
    guest = await visit(bob, server.url)
    await guest.open(room)
    await guest.sees("After")
    await expect(guest.message("Before")).to_have_count(0)
    assert visitor.problems == guest.problems == []


async def test_a_timer_is_set_for_what_is_sent(
    server: TestServer, people: list[Person], visit: Visit
) -> None:
    [ada, _] = people
    room = await ada.makes_room("public", name="Kitchen")
    visitor = await visit(ada, server.url)
    await visitor.open(room)
    await visitor.page.locator(".composer").get_by_role("button", name="More actions").click()
    await visitor.page.get_by_role("menuitem", name="Let messages disappear").press("Enter")
    choice = visitor.page.get_by_role("menuitemradio", name="In 1 hour")
    await expect(visitor.page.get_by_role("menuitemradio", name="Never")).to_be_focused()
    await require_access(visitor.page)
    await choice.click()
    await visitor.write("Goes")
    await visitor.sees_sent("Goes")
    await visitor.page.get_by_role("button", name="Disappears in 1 hour").click()
    await expect(visitor.composer).to_be_focused()
    await visitor.write("Stays")
    await visitor.sees_sent("Stays")
    messages = assert_ok(await ada.get(f"/rooms/{room}/messages"))["items"]
    expires = {message["text"]: message.get("expires_at") for message in messages}
    assert expires["Goes"] is not None
    assert expires["Stays"] is None
    assert visitor.problems == []


async def test_a_message_that_disappears_says_so_inside_of_a_group(
    server: TestServer, people: list[Person], visit: Visit
) -> None:
    [ada, _] = people
    room = await ada.makes_room("public", name="Kitchen")
    await ada.says(room, "Stays")
    assert_ok(await ada.sends(room, "Goes", expires_in_s=3600), 201)
    visitor = await visit(ada, server.url)
    await visitor.open(room)
    goes = visitor.message("Goes")
    await expect(goes).to_have_attribute("data-first", "false")
    await expect(goes.locator(".message-signs [title^='Disappears on']")).to_be_visible()
    await expect(visitor.message("Stays").locator("[title^='Disappears on']")).to_have_count(0)
    await require_access(visitor.page)


async def test_a_room_is_deleted_once_its_name_is_typed(
    server: TestServer, people: list[Person], visit: Visit
) -> None:
    ada, bob = people
    room = await ada.makes_room("private", bob, name="Kitchen")
    await ada.says(room, "Goes with the room")
    owner, member = await visit(ada, server.url), await visit(bob, server.url)
    for visitor in (owner, member):
        await visitor.open(room, "?panel=room")
        await visitor.sees("Goes with the room")
    await expect(member.page.get_by_role("button", name="Delete room")).to_have_count(0)
    await owner.page.get_by_role("button", name="Delete room").click()
    dialog = owner.page.get_by_role("dialog", name="Delete room")
    confirm = dialog.get_by_role("button", name="Delete room")
    await expect(confirm).to_be_disabled()
    await require_access(owner.page)
    await dialog.get_by_label("To confirm, type the room’s name").fill("Kitchen")
    await dialog.get_by_label("Reason (optional)").fill("We have moved")
    await confirm.click()
    for visitor in (owner, member):
        await expect(visitor.page.locator(".sidebar").get_by_text("Kitchen")).to_have_count(0)
        await expect(visitor.message("Goes with the room")).to_have_count(0)
    assert (await bob.get(f"/rooms/{room}")).status_code == 404
    assert owner.problems == member.problems == []
