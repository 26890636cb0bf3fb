"""Who somebody is: profiles, statuses and presence."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Locator, Request, expect

from testkit.people import Person
from testkit.server import TestServer
from tests.browser.axe import require_access
from tests.browser.visitor import Visit, Visitor

STATUS = {"emoji": "🌴", "text": "On holiday"}


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    people = await server.people(http, "ada", "bob")
    for person, name in zip(people, ("Ada", "Bob"), strict=True):
        await person.patch("/users/me", display_name=name)
    return people


@pytest.fixture
async def room(people: list[Person]) -> str:
    ada, bob = people
    await bob.makes_room("direct", ada)
    room = await ada.makes_room("public", bob, name="Kitchen")
    await bob.says(room, f"Tea, @{ada.username}?")
    return room


def card(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("dialog", name=f"Profile of {name}")


async def test_a_profile_opens_by_keyboard_and_follows_its_person(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    bob = people[1]
    await bob.patch("/users/me", title="Cook", time_zone="Asia/Tokyo")
    ada = await visit(people[0], server.url, timezone_id="Europe/Berlin")
    await ada.open(room)
    requests: list[str] = []
    ada.page.on("request", lambda request: requests.extend(_of_profiles(request)))
    name = ada.message("Tea").locator("h3").get_by_role("button", name="Bob")
    await name.focus()
    await name.press("Enter")
    profile = card(ada, "Bob")
    await expect(profile.get_by_role("button", name="Message")).to_be_focused()
    await expect(profile).to_contain_text(f"@{bob.username}")
    await expect(profile).to_contain_text("Cook")
    await expect(profile).to_contain_text("ahead of you")
    await expect(profile.locator(".presence")).to_have_attribute("data-state", "offline")
    await require_access(ada.page)
    until = datetime.now(UTC) + timedelta(hours=2)
    await bob.patch("/users/me", status=STATUS | {"until": until.isoformat()})
    await expect(profile).to_contain_text("On holiday")
    direct = ada.page.get_by_role("navigation").get_by_role("link", name="Bob")
    await expect(direct.get_by_role("img", name="Status: 🌴 On holiday")).to_be_visible()
    assert len(requests) <= 1
    await ada.page.keyboard.press("Escape")
    await expect(profile).to_have_count(0)
    await expect(name).to_be_focused()
    await name.press("Enter")
    await profile.get_by_role("button", name="Mention").click()
    await expect(profile).to_have_count(0)
    await expect(ada.composer).to_be_focused()
    await expect(ada.composer).to_have_value(f"@{bob.username} ")
    assert ada.problems == []


async def test_a_moderator_acts_from_a_profile(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    ada = await visit(people[0], server.url)
    await ada.open(room)
    await ada.message("Tea").locator(".mention").press("Enter")
    await expect(card(ada, "Ada").get_by_role("button", name="Edit profile")).to_be_visible()
    await ada.page.keyboard.press("Escape")
    await ada.message("Tea").locator(".avatar").click()
    more = card(ada, "Bob").get_by_role("button", name="More actions")
    await more.click()
    await require_access(ada.page)
    await expect(ada.page.get_by_role("menuitem", name="Ban from the room")).to_be_visible()
    await ada.page.get_by_role("menuitem", name="Block").click()
    await expect(card(ada, "Bob")).to_have_count(0)
    await expect(ada.message("Tea")).to_have_count(0)
    await ada.log.get_by_role("button", name="Bob").click()
    await expect(card(ada, "Bob")).to_contain_text("You have blocked this person.")
    await more.click()
    await ada.page.get_by_role("menuitem", name="Time out").click()
    dialog = ada.page.get_by_role("dialog", name="Time out")
    await dialog.get_by_role("button", name="Time out").click()
    await expect(dialog).to_have_count(0)
    bob = await visit(people[1], server.url)
    await bob.page.goto(f"{server.url}/r/{room}")
    await expect(bob.page.locator("main .composer-closed")).to_be_visible()
    assert ada.problems == []


async def test_what_a_person_sets_of_themselves_is_seen_by_others(
    server: TestServer, people: list[Person], room: str, visit: Visit
) -> None:
    bob = await visit(people[1], server.url)
    await bob.open(room, "?panel=members")
    row = bob.page.locator("aside .person").filter(has_text="Ada")
    ada = await visit(people[0], server.url)
    await ada.open(room)
    await expect(row.locator(".presence")).to_have_attribute("data-state", "online")
    opener = ada.page.get_by_role("navigation").get_by_role("button", name="Set a status")
    await opener.click()
    panel = ada.page.get_by_role("complementary", name="Your status")
    await panel.get_by_role("button", name="On holiday").click()
    await panel.get_by_label("Ends").select_option("4 hours")
    await panel.get_by_role("button", name="Set a status").click()
    await expect(row.get_by_role("img", name="Status: 🌴 On holiday")).to_be_visible()
    await panel.get_by_label("You appear as").select_option("Invisible")
    await expect(row.locator(".presence")).to_have_attribute("data-state", "offline")
    await panel.get_by_label("Who sees it").select_option("Nobody")
    await expect(row.locator(".presence")).to_have_count(0)
    await require_access(ada.page)
    await panel.get_by_role("button", name="Clear").click()
    await expect(row.locator(".status-emoji")).to_have_count(0)
    await ada.page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await ada.page.keyboard.press("Control+,")
    await ada.page.get_by_label("Title").fill("Cook")
    await ada.page.get_by_label("Time zone").select_option("Asia/Tokyo")
    await ada.page.get_by_role("button", name="Save", exact=True).click()
    await expect(ada.page.get_by_text("Saved.")).to_be_visible()
    await row.get_by_role("button", name="Ada").click()
    await expect(card(bob, "Ada")).to_contain_text("Cook")
    assert ada.problems == []


def _of_profiles(request: Request) -> list[str]:
    return [request.url] if "/api/v1/users" in request.url else []
