"""Names and texts of people stay text, whatever is in them."""

from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from testkit.server import TestServer
from tests.browser.visitor import Visit

TEXTS = [
    "<script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "<svg onload=\"document.title='taken'\">",
    "[press](javascript:document.title='taken')",
    "[press](data:text/html,<script>parent.document.title='taken'</script>)",
    '<div style="position:fixed;inset:0">covers everything</div>',
    "![picture](https://example.com/tracks.png)",
    '```js"><img src=x onerror="document.title=\'taken\'">\nx\n```',
    "\u202etxt.exe",
    "a" * 3000,
    "Z\u0336\u0321a\u0336\u0300l\u0336\u0301g\u0336\u0302o\u0336\u0303" * 50,
]
NAME = "<b onclick=alert(1)>Eve</b>"


@pytest.mark.parametrize("place", ["room", "thread"])
async def test_hostile_texts_and_names_stay_text(
    server: TestServer, http: httpx.AsyncClient, visit: Visit, place: str
) -> None:
    ada, eve = await server.people(http, "ada", "eve")
    await eve.patch("/users/me", display_name=NAME)
    room = await eve.makes_room("public", ada, name="<i>Room</i>")
    [root] = await eve.says(room, "The first")
    where = {"thread": root} if place == "thread" else {}
    for text in TEXTS:
        await eve.post(f"/rooms/{room}/messages", text=text, nonce=str(uuid4()), **where)
    visitor = await visit(ada, server.url)
    await visitor.open(room, f"?thread={root}" if place == "thread" else "")
    shown = visitor.page.locator("aside article" if place == "thread" else "main article")
    await expect(shown.last).to_contain_text("Z")
    await expect(shown.last).to_contain_text(NAME)
    await expect(visitor.page.locator("main h1")).to_contain_text("<i>Room</i>")
    elements = visitor.page.locator(
        ".text-body :is(script, img, svg, iframe, object, form, style, [style], [onerror])"
    )
    await expect(elements).to_have_count(0)
    links = visitor.page.locator(".text-body a:not([href^=http])")
    await expect(links).to_have_count(0)
    assert "taken" not in await visitor.page.title()
    assert visitor.problems == []
    assert await _width_beyond_view(visitor.page) <= 0


async def _width_beyond_view(page: Page) -> int:
    found: int = await page.evaluate(
        "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    )
    return found


async def test_a_display_name_that_looks_like_a_username_is_marked(
    server: TestServer, http: httpx.AsyncClient, visit: Visit
) -> None:
    """The username came later than the display name: so the server has accepted both."""
    ada, eve = await server.people(http, "ada", "eve")
    await eve.patch("/users/me", display_name="Daniel")
    form = {"username": "daniel", "password": "correct horse battery"}
    await http.post("/api/v1/auth/register", json=form)
    room = await eve.makes_room("public", ada, name="Kitchen")
    tokens = (await http.post("/api/v1/auth/token", data=form | {"grant_type": "password"})).json()
    await http.post(
        f"/api/v1/rooms/{room}/join", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    await eve.says(room, "I am Daniel")
    visitor = await visit(ada, server.url)
    await visitor.open(room, "?panel=members")
    await expect(visitor.message("I am Daniel")).to_contain_text(f"@{eve.username}")
    await expect(visitor.message("I am Daniel")).to_contain_text("looks like")
