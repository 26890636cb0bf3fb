"""What those who moderate have done, in sentences."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import expect

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit

PAGE = 50


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    people = await server.people(http, "ada", "bob")
    for person, name in zip(people, ("Ada", "Bob"), strict=True):
        await person.patch("/users/me", display_name=name)
    return people


@pytest.fixture
async def room(people: list[Person]) -> str:
    """With an act of each sort."""
    ada, bob = people
    room = await ada.makes_room("public", bob, name="Kitchen")
    [seq] = await bob.says(room, "Buy pills")
    await ada.patch(f"/rooms/{room}", topic="Food", settings={"slow_mode_s": 30})
    await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator")
    await ada.put(f"/rooms/{room}/permissions/roles/member", deny=["create_polls"])
    await ada.post(f"/rooms/{room}/invites", max_uses=5)
    await ada.put(f"/rooms/{room}/messages/{seq}/pin")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert_ok(await ada.put(f"/rooms/{room}/time-outs/{bob.id}", until=until, reason="Calm down"))
    return room


async def test_the_log_of_a_room_says_who_did_what(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    ada = await visit(people[0], server.url)
    await ada.open(room)
    await ada.page.get_by_role("button", name="Room settings").click()
    await ada.page.locator(".panel-link").filter(has_text="Audit log").click()
    log = ada.page.get_by_role("complementary", name="Audit log")
    entries = log.locator("article")
    timed_out = entries.first
    await expect(timed_out).to_contain_text("Ada")
    await expect(timed_out).to_contain_text("Reason: Calm down")
    await expect(log.get_by_text("changed the permissions of the role Member")).to_be_visible()
    await expect(log.locator(".audit-change").filter(has_text="Slow mode")).to_have_text(
        "Slow mode: Off30 seconds"
    )
    await expect(log.locator(".audit-change").filter(has_text="Moderator")).to_have_text(
        "Role: MemberModerator"
    )
    await expect(log.locator(".audit-change").filter(has_text="Create polls")).to_be_visible()
    await expect(log.locator(".audit-change").filter(has_text="Uses: 5")).to_be_visible()
    await require_access(ada.page)
    everything = await entries.count()
    await log.get_by_role("button", name="What", exact=True).click()
    picker = ada.page.get_by_role("dialog", name="Find actions")
    await picker.get_by_role("searchbox").fill("timed")
    await picker.get_by_role("searchbox").press("Enter")
    await expect(entries).to_have_count(1)
    chosen = log.get_by_role("button", name="Remove filter Member timed out")
    await expect(chosen).to_be_focused()
    await require_access(ada.page)
    await chosen.click()
    await expect(entries).to_have_count(everything)
    await log.get_by_role("button", name="About whom").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Bob").click()
    await expect(log.get_by_text("changed the room")).to_have_count(0)
    await expect(timed_out).to_contain_text("Reason: Calm down")
    await log.get_by_role("button", name="Show the message").click()
    await expect(ada.message("Buy pills")).to_have_attribute("data-highlighted", "true")
    assert ada.problems == []


async def test_the_log_is_read_in_pages(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    for number in range(PAGE):
        assert_ok(await people[0].patch(f"/rooms/{room}", topic=f"Topic {number}"))
    ada = await visit(people[0], server.url)
    await ada.open(room, "?panel=room-audit")
    log = ada.page.get_by_role("complementary", name="Audit log")
    await expect(log.locator("article")).to_have_count(PAGE)
    await log.get_by_role("button", name="Show more").click()
    await expect(log.get_by_text("made an invite link")).to_be_visible()
    await expect(log.get_by_role("button", name="Show more")).to_have_count(0)


async def test_members_see_no_log(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    other = await people[1].makes_room("public", people[0], name="Yard")
    ada = await visit(people[0], server.url)
    await ada.open(other, "?panel=room")
    await expect(ada.page.locator(".panel-link").first).to_be_visible()
    await expect(ada.page.locator(".panel-link").filter(has_text="Audit log")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "sentence"), [("en-GB", "changed the room"), ("ar", "الغرفة"), ("zh", "更改了房间")]
)
async def test_administrators_read_the_log_of_the_server(
    server: TestServer,
    http: httpx.AsyncClient,
    people: list[Person],
    room: str,
    visit: Visit,
    locale: str,
    sentence: str,
) -> None:
    admin = await visit(await server.administrator(http), server.url, locale=locale)
    await admin.page.goto(f"{server.url}/?panel=preferences")
    await expect(admin.page.locator(".panel-link")).to_have_count(6)
    await admin.page.locator(".panel-link").last.click()
    log = admin.page.locator("aside.panel article")
    await expect(log.filter(has_text=sentence).first).to_be_visible()
    await require_access(admin.page)
