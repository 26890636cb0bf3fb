"""Users who are mentioned together."""

import httpx
from playwright.async_api import expect

from testkit.answers import assert_ok
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit


async def test_a_group_is_made_filled_and_mentioned(
    server: TestServer, http: httpx.AsyncClient, visit: Visit
) -> None:
    ada, bob = await server.people(http, "ada", "bob")
    room = await ada.makes_room("public", bob, name="Kitchen")
    handle = f"crew-of-{bob.username}"
    admin = await visit(await server.administrator(http), server.url)
    await admin.page.goto(f"{server.url}/?panel=preferences")
    await admin.page.locator(".panel-link").filter(has_text="User groups").click()
    await admin.page.get_by_role("button", name="New group").click()
    dialog = admin.page.get_by_role("dialog", name="New group")
    await dialog.get_by_label("Handle").fill(bob.username)
    await dialog.get_by_label("Display name").fill("The crew")
    await dialog.get_by_role("button", name="Create group").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("that of another group or of a user")
    await require_access(admin.page)
    await dialog.get_by_label("Handle").fill(f"@{handle}")
    await dialog.get_by_role("button", name="Create group").click()
    group = admin.page.get_by_role("complementary", name="User group")
    await expect(group.get_by_role("heading", name="The crew")).to_be_visible()
    await group.get_by_role("button", name="Add people").click()
    people = admin.page.get_by_role("dialog", name="Add people")
    await people.get_by_label("Find people").fill(bob.username)
    await people.locator(".pick-list button").filter(has_text=bob.username).click()
    await people.get_by_role("button", name="Add", exact=True).click()
    row = group.locator(".person").filter(has_text=bob.username)
    await row.get_by_role("button", name="More actions").click()
    await admin.page.get_by_role("menuitem", name="Make manager").click()
    await expect(row).to_contain_text("Manager")
    await require_access(admin.page)

    writer = await visit(ada, server.url)
    await writer.open(room)
    await writer.composer.press_sequentially(f"@{handle[:-1]}")
    await expect(writer.page.get_by_role("option")).to_contain_text("The crew")
    await writer.composer.press("Tab")
    await writer.composer.press_sequentially("tea?")
    await writer.composer.press("Enter")
    await writer.sees_sent("tea?")
    await writer.message("tea?").get_by_role("button", name=f"@{handle}").press("Enter")
    card = writer.page.get_by_role("dialog", name="The crew")
    await expect(card.get_by_role("listitem")).to_contain_text(f"Bob of {bob.username}")
    await require_access(writer.page)
    await writer.page.keyboard.press("Enter")
    panel = writer.page.get_by_role("complementary", name="User group")
    await expect(panel.locator(".person")).to_contain_text("Manager")
    await expect(panel.get_by_role("button", name="Add people")).to_have_count(0)
    [mention] = assert_ok(await ada.get(f"/rooms/{room}/messages"))["items"][0]["room_mentions"]
    assert mention["kind"] == "group"
    assert admin.problems == writer.problems == []
