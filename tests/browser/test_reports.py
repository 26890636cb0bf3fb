"""What members report, and what those who moderate do about it."""

import httpx
import pytest
from playwright.async_api import Locator, expect

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit, Visitor


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    people = await server.people(http, "ada", "bob", "cem")
    for person, name in zip(people, ("Ada", "Bob", "Cem"), strict=True):
        await person.patch("/users/me", display_name=name)
    return people


@pytest.fixture
async def room(people: list[Person]) -> str:
    ada, bob, cem = people
    room = await ada.makes_room("public", bob, cem, name="Kitchen")
    await cem.says(room, "Buy pills", "Hello there")
    return room


@pytest.fixture
async def ada(server: TestServer, people: list[Person], room: str, visit: Visit) -> Visitor:
    visitor = await visit(people[0], server.url)
    await visitor.open(room)
    return visitor


@pytest.fixture
async def bob(server: TestServer, people: list[Person], room: str, visit: Visit) -> Visitor:
    visitor = await visit(people[1], server.url)
    await visitor.open(room)
    return visitor


async def report_pills(bob: Visitor) -> None:
    await bob.choose("Buy pills", "Report")
    dialog = bob.page.get_by_role("dialog", name="Report the message")
    await dialog.get_by_label("Reason").select_option(label="Spam")
    await dialog.get_by_label("Note").fill("All day")
    await dialog.get_by_role("button", name="Report").click()
    await expect(bob.page.get_by_text("It was reported.")).to_be_visible()


async def open_queue(ada: Visitor) -> Locator:
    await ada.page.reload()
    await expect(ada.page.locator(".room-header")).to_contain_text("1 open report")
    await ada.page.get_by_role("button", name="Room settings").click()
    await ada.page.locator(".panel-link").filter(has_text="Reports").click()
    return ada.page.get_by_role("complementary", name="Reports")


async def test_a_message_is_reported_and_deleted(ada: Visitor, bob: Visitor, room: str) -> None:
    await report_pills(bob)
    queue = await open_queue(ada)
    card = queue.locator("article")
    await expect(card).to_contain_text("Spam")
    await expect(card).to_contain_text("Buy pills")
    await expect(card).to_contain_text("All day")
    await expect(card).to_contain_text("Reported by Bob")
    await require_access(ada.page)
    await card.get_by_role("button", name="Resolve").click()
    dialog = ada.page.get_by_role("dialog", name="Resolve the report")
    await dialog.get_by_label("What is done").select_option(label="Message deleted")
    await expect(dialog.get_by_role("switch", name="Do it now")).to_be_checked()
    await dialog.get_by_label("Note").fill("First offence")
    await require_access(ada.page)
    await dialog.get_by_role("button", name="Resolve").click()
    await expect(queue.get_by_text("Nothing is reported")).to_be_visible()
    await expect(ada.page.locator(".room-header")).not_to_contain_text("open report")
    await expect(bob.log.get_by_text("This message was deleted.")).to_have_count(1)
    await queue.get_by_label("Show").select_option(label="Resolved")
    await expect(card).to_contain_text("Message deleted, by Ada")
    await expect(card).to_contain_text("First offence")
    await bob.open(room, "?panel=my-reports")
    own = bob.page.get_by_role("complementary", name="My reports")
    await expect(own.locator("article")).to_contain_text("Message deleted")
    await expect(own.locator("article")).not_to_contain_text("First offence")
    await require_access(bob.page)
    assert ada.problems == bob.problems == []


async def test_a_member_is_reported_and_timed_out(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    await bob.page.goto(f"{bob.url}/r/{room}?panel=members")
    row = bob.page.locator(".person").filter(has_text=people[2].username)
    await row.get_by_role("button", name="More actions").click()
    await bob.page.get_by_role("menuitem", name="Report").click()
    dialog = bob.page.get_by_role("dialog", name="Report Cem")
    await dialog.get_by_label("Reason").select_option(label="Harassment")
    await dialog.get_by_role("button", name="Report").click()
    await expect(bob.page.get_by_text("It was reported.")).to_be_visible()
    queue = await open_queue(ada)
    await queue.get_by_role("button", name="Resolve").click()
    dialog = ada.page.get_by_role("dialog", name="Resolve the report")
    await expect(dialog.get_by_text("Message deleted")).to_have_count(0)
    await dialog.get_by_label("What is done").select_option(label="Timed out")
    await dialog.get_by_label("How long").select_option(label="1 day")
    await dialog.get_by_role("button", name="Resolve").click()
    await expect(queue.get_by_text("Nothing is reported")).to_be_visible()
    [sanction] = assert_ok(await people[0].get(f"/rooms/{room}/time-outs"))["items"]
    assert sanction["user"] == people[2].id


async def test_what_somebody_else_has_resolved_is_said(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    await report_pills(bob)
    queue = await open_queue(ada)
    await queue.get_by_role("button", name="Resolve").click()
    [report] = assert_ok(await people[0].get(f"/rooms/{room}/reports"))["items"]
    path = f"/reports/{report['id']}/resolution"
    assert_ok(await people[0].post(path, outcome="warned", note="Told"))
    await ada.page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    await expect(ada.page.get_by_text("has resolved this report")).to_be_visible()
    await expect(queue.get_by_text("Nothing is reported")).to_be_visible()


async def test_members_who_do_not_moderate_see_no_queue(bob: Visitor) -> None:
    await bob.page.get_by_role("button", name="Room settings").click()
    await expect(bob.page.locator(".panel-link").first).to_be_visible()
    await expect(bob.page.locator(".panel-link").filter(has_text="Reports")).to_have_count(0)


async def test_administrators_see_the_reports_of_all_rooms(
    server: TestServer, http: httpx.AsyncClient, people: list[Person], visit: Visit
) -> None:
    _, bob, cem = people
    room = await cem.makes_room("direct", bob)
    [seq] = await cem.says(room, "A threat")
    path = f"/rooms/{room}/messages/{seq}/reports"
    assert_ok(await bob.post(path, reason="violence"), 201)
    admin = await visit(await server.administrator(http), server.url)
    await admin.page.goto(f"{server.url}/?panel=preferences")
    await admin.page.locator(".panel-link").filter(has_text="Reports of all rooms").click()
    queue = admin.page.get_by_role("complementary", name="Reports of all rooms")
    card = queue.locator("article").filter(has_text=cem.username)
    await expect(card).to_contain_text("A threat")
    await require_access(admin.page)
    await card.get_by_role("button", name="Resolve").click()
    dialog = admin.page.get_by_role("dialog")
    await dialog.get_by_label("What is done").select_option(label="Warned")
    await dialog.get_by_role("button", name="Resolve").click()
    await expect(card).to_have_count(0)
    [own] = assert_ok(await bob.get("/users/me/reports"))["items"]
    assert own["outcome"] == "warned"
