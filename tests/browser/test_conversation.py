"""Two people chat, each in a browser of their own."""

import httpx
import pytest
from playwright.async_api import expect

from testkit.people import Person
from testkit.server import TestServer
from testkit.server_fixtures import shared_server
from tests.browser.visitor import Visit, Visitor

server = shared_server("session")


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    ada, bob = people
    return await ada.makes_room("public", bob, name="Kitchen")


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


async def test_messages_reach_the_other_browser(ada: Visitor, bob: Visitor) -> None:
    await ada.write("Is the kettle on?")
    await bob.sees_sent("Is the kettle on?")
    await bob.write("In a minute")
    await ada.sees_sent("Is the kettle on?", "In a minute")
    assert ada.problems == bob.problems == []


async def test_reactions_edits_and_deletions_reach_the_other_browser(
    ada: Visitor, bob: Visitor
) -> None:
    await ada.write("Tee?")
    await bob.message("Tee?").hover()
    await bob.message("Tee?").get_by_role("button", name="React with 👍").click()
    await expect(ada.message("Tee?").get_by_role("button", name="👍 1")).to_be_visible()
    await ada.composer.press("ArrowUp")
    editor = ada.page.get_by_label("Edit message")
    await editor.fill("Tea?")
    await editor.press("Enter")
    await bob.sees("Tea? (edited)")
    await ada.choose("Tea?", "Delete")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await bob.sees("This message was deleted.")


async def test_a_reply_in_a_thread_is_counted_at_its_root(ada: Visitor, bob: Visitor) -> None:
    await ada.write("Which mug is mine?")
    await bob.message("Which mug").hover()
    await bob.message("Which mug").get_by_role("button", name="Reply in thread").click()
    thread = bob.page.get_by_role("complementary", name="Thread")
    await thread.locator("textarea").fill("The blue one")
    await thread.locator("textarea").press("Enter")
    await expect(thread.locator("article").filter(has_text="The blue one")).to_have_count(1)
    await ada.message("Which mug").get_by_role("button", name="1 reply").click()
    answer = ada.page.get_by_role("complementary", name="Thread").locator("article")
    await expect(answer.filter(has_text="The blue one")).to_be_visible()


async def test_a_mention_is_completed_and_shown_to_whom_it_means(
    ada: Visitor, bob: Visitor
) -> None:
    await ada.composer.press_sequentially("Ask @bo")
    await expect(ada.page.get_by_role("option")).to_contain_text(bob.person.username)
    await ada.composer.press("Enter")
    await ada.composer.press("Enter")
    message = bob.message(f"Ask @{bob.person.username}")
    await expect(message).to_have_attribute("data-for-me", "true")
    await expect(message.locator(".mention")).to_have_attribute("data-who", "me")


async def test_a_draft_is_on_the_other_device(
    ada: Visitor, server: TestServer, room: str, visit: Visit
) -> None:
    await ada.composer.press_sequentially("Half a thought")
    phone = await visit(ada.person, server.url)
    await phone.open(room)
    await expect(phone.composer).to_have_value("Half a thought")


async def test_a_poll_counts_votes(ada: Visitor, bob: Visitor) -> None:
    await ada.page.get_by_role("button", name="More actions").last.click()
    await ada.page.get_by_role("menuitem", name="Create a poll").click()
    await ada.page.get_by_label("Question").fill("Biscuits?")
    await ada.page.get_by_label("Option 1").fill("Yes")
    await ada.page.get_by_label("Option 2").fill("More")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Create a poll").click()
    await bob.message("Biscuits?").get_by_role("button", name="More 0").click()
    await expect(ada.message("Biscuits?").get_by_role("button", name="More 1")).to_be_visible()


async def test_what_is_new_is_shown_in_the_list_and_the_title(
    ada: Visitor, people: list[Person]
) -> None:
    other = await people[1].makes_room("public", people[0], name="Garden")
    await expect(ada.page.get_by_role("link", name="Garden")).to_be_visible()
    await people[1].sends(other, f"@{people[0].username} look")
    await expect(ada.page.get_by_role("link", name="Garden")).to_contain_text("1 mention")
    await expect(ada.page).to_have_title("(1) Kitchen · Chat")
