"""Words and patterns that a room refuses."""

import httpx
from playwright.async_api import expect

from testkit.answers import assert_ok
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit


async def test_a_filter_is_changed_and_refuses_messages(
    server: TestServer, http: httpx.AsyncClient, visit: Visit
) -> None:
    ada, bob = await server.people(http, "ada", "bob")
    room = await ada.makes_room("public", bob, name="Kitchen")
    moderator, member = await visit(ada, server.url), await visit(bob, server.url)
    await moderator.open(room, "?panel=room")
    await moderator.page.locator(".panel-link").filter(has_text="Word filter").click()
    panel = moderator.page.get_by_role("complementary", name="Word filter")
    await expect(panel.get_by_text("No rules yet")).to_be_visible()
    await panel.get_by_label("Looks for").select_option(label="Pattern")
    await panel.get_by_label("Pattern", exact=True).fill("pills(")
    await panel.get_by_role("button", name="Add rule").click()
    await expect(panel.get_by_role("alert")).to_contain_text("no pattern of RE2")
    await expect(panel.get_by_label("Pattern", exact=True)).to_have_attribute(
        "aria-invalid", "true"
    )
    await require_access(moderator.page)
    await panel.get_by_label("Looks for").select_option(label="Words")
    await panel.get_by_label("Words", exact=True).fill("cheap pills")
    await panel.get_by_label("What the sender is told").fill("No advertisements")
    await panel.get_by_label("What the sender is told").press("Enter")
    rule = panel.get_by_role("article").filter(has_text="cheap pills")
    await expect(rule).to_contain_text("The sender is told: No advertisements")
    await member.open(room)
    await member.write("CHEAP pills!")
    await expect(member.message("CHEAP pills!")).to_contain_text("No advertisements")
    await require_access(moderator.page)
    await rule.get_by_role("button", name="Remove the rule cheap pills").click()
    await expect(panel.get_by_text("No rules yet")).to_be_visible()
    await expect(panel).to_be_focused()
    await moderator.page.get_by_role("button", name="Undo").click()
    await expect(rule).to_contain_text("No advertisements")
    [kept] = assert_ok(await ada.get(f"/rooms/{room}/filters"))["items"]
    assert (kept["expression"], kept["action"]) == ("cheap pills", "refuse")
    assert moderator.problems == member.problems == []
