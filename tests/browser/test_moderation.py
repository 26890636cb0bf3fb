"""Who may do what: what is possible is shown, and why not where it is not."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Locator, expect

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer
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
    await cem.says(room, "Buy pills", "Buy more pills")
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


def closed(visitor: Visitor) -> Locator:
    """What stands where one would write."""
    return visitor.page.locator("main .composer-closed")


async def settings(person: Person, room: str, **changes: object) -> None:
    assert_ok(await person.patch(f"/rooms/{room}", settings=changes))


async def open_panel(visitor: Visitor, room: str, panel: str) -> Locator:
    await visitor.page.goto(f"{visitor.url}/r/{room}?panel={panel}")
    return visitor.page.locator("aside.panel")


async def test_announcements_are_written_by_moderators_only(
    ada: Visitor, bob: Visitor, room: str
) -> None:
    await ada.page.get_by_role("button", name="Room settings").click()
    await ada.page.get_by_role("switch", name="Announcements").check()
    await expect(closed(bob)).to_contain_text("Only moderators write here. You can react")
    await ada.write("Dinner at eight")
    await bob.message("Dinner at eight").hover()
    await bob.message("Dinner at eight").get_by_role("button", name="Reply in thread").click()
    thread = bob.page.get_by_role("complementary", name="Thread")
    await expect(thread.locator("textarea")).to_be_visible()
    await expect(thread.get_by_text("Also in the room")).to_have_count(0)
    await ada.page.get_by_role("switch", name="Announcements").uncheck()
    await expect(bob.composer).to_be_visible()


async def test_slow_mode_counts_down(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    await settings(people[0], room, slow_mode_s=10)
    await expect(bob.page.get_by_text("Slow mode: one message in 10 seconds")).to_be_visible()
    await bob.write("One")
    await bob.sees_sent("One")
    await bob.composer.fill("Two")
    send = bob.page.locator("main .composer-send")
    await expect(send).to_be_disabled()
    await expect(send).to_have_text("0:05")
    await bob.composer.press("Enter")
    await expect(bob.composer).to_have_value("Two")
    await expect(send).to_be_enabled()
    await bob.composer.press("Enter")
    await bob.sees_sent("One", "Two")
    await ada.write("Not for")
    await ada.write("moderators")
    await ada.sees_sent("Not for", "moderators")


async def test_a_time_out_ends_by_itself(bob: Visitor, people: list[Person], room: str) -> None:
    until = (datetime.now(UTC) + timedelta(seconds=6)).isoformat()
    assert_ok(await people[0].put(f"/rooms/{room}/time-outs/{people[1].id}", until=until))
    await expect(closed(bob)).to_contain_text("You are timed out until")
    await expect(bob.composer).to_be_visible()
    await bob.write("Sorry")
    await bob.sees_sent("Sorry")


async def test_a_member_is_timed_out_and_forgiven(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    panel = await open_panel(ada, room, "members")
    row = panel.locator(".person").filter(has_text=people[1].username)
    await row.get_by_role("button", name="More actions").click()
    await ada.page.get_by_role("menuitem", name="Time out").click()
    dialog = ada.page.get_by_role("dialog", name="Time out")
    await dialog.get_by_label("How long").select_option(label="1 day")
    await dialog.get_by_label("Reason").fill("Calm down")
    await dialog.get_by_role("button", name="Time out").click()
    await expect(closed(bob)).to_contain_text("You are timed out until")
    panel = await open_panel(ada, room, "room-sanctions")
    entry = panel.locator(".sanction").filter(has_text="Calm down")
    await expect(entry).to_contain_text("Set by Ada")
    await entry.get_by_role("button", name="Lift").click()
    await expect(bob.composer).to_be_visible()
    await ada.page.get_by_role("button", name="Undo").click()
    await expect(closed(bob)).to_contain_text("You are timed out until")
    assert ada.problems == bob.problems == []


async def test_a_ban_takes_the_messages_with_it(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    await ada.choose("Buy more pills", "Ban from the room")
    dialog = ada.page.get_by_role("dialog", name="Ban from the room")
    await dialog.get_by_label("Delete their messages").select_option(label="All")
    await dialog.get_by_role("button", name="Ban from the room").click()
    await expect(bob.log.get_by_text("This message was deleted.")).to_have_count(2)
    assert (await people[2].post(f"/rooms/{room}/join")).status_code == 403
    panel = await open_panel(ada, room, "room-sanctions")
    await panel.locator(".sanction").get_by_role("button", name="Lift").click()
    await expect(panel.get_by_text("Nobody is banned")).to_be_visible()
    assert (await people[2].post(f"/rooms/{room}/join")).status_code == 200


async def test_a_locked_thread_is_read_only(ada: Visitor, bob: Visitor, room: str) -> None:
    for visitor in (ada, bob):
        await visitor.message("Buy pills").hover()
        await visitor.message("Buy pills").get_by_role("button", name="Reply in thread").click()
    ours = ada.page.get_by_role("complementary", name="Thread")
    theirs = bob.page.get_by_role("complementary", name="Thread")
    await expect(theirs.locator("textarea")).to_be_visible()
    await expect(theirs.get_by_role("button", name="Lock the thread")).to_have_count(0)
    await ours.get_by_role("button", name="Lock the thread").click()
    await expect(theirs.get_by_text("This thread is locked")).to_be_visible()
    await expect(ours.locator("textarea")).to_be_visible()
    await ours.get_by_role("button", name="Unlock the thread").click()
    await expect(theirs.locator("textarea")).to_be_visible()


async def test_permissions_of_a_role_and_of_a_person(
    ada: Visitor, bob: Visitor, people: list[Person], room: str
) -> None:
    panel = await open_panel(ada, room, "room-permissions")
    sends = panel.get_by_role("radiogroup", name="Send messages")
    await expect(sends).to_contain_text("By default: allowed")
    await sends.get_by_role("radio", name="Deny").check()
    await expect(closed(bob)).to_have_text("You may read here, but not write.")
    await panel.get_by_role("button", name="A person").click()
    await ada.page.get_by_role("button", name="Bob").click()
    await sends.get_by_role("radio", name="Allow").check()
    await expect(bob.composer).to_be_visible()
    await panel.get_by_role("button", name="All as by default").click()
    await expect(closed(bob)).to_be_visible()
    await panel.get_by_label("For", exact=True).select_option(label="Member")
    await panel.get_by_role("button", name="All as by default").click()
    await expect(bob.composer).to_be_visible()
    theirs = await open_panel(bob, room, "room-permissions")
    await expect(theirs.get_by_text("but may not change them")).to_be_visible()
    await expect(theirs.get_by_role("radio", name="Deny").first).to_be_disabled()


async def test_roles_and_ownership(ada: Visitor, people: list[Person], room: str) -> None:
    panel = await open_panel(ada, room, "members")
    row = panel.locator(".person").filter(has_text=people[1].username)
    await row.get_by_role("button", name="More actions").click()
    await ada.page.get_by_role("menuitem", name="Make moderator").click()
    await expect(row).to_contain_text("Moderator")
    await row.get_by_role("button", name="More actions").click()
    await ada.page.get_by_role("menuitem", name="Transfer ownership").click()
    dialog = ada.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Transfer ownership").click()
    await expect(row).to_contain_text("Owner")
    await row.get_by_role("button", name="More actions").click()
    await expect(ada.page.get_by_role("menuitem")).to_have_text(
        ["Write a message", "Block", "Report"]
    )
