"""Takes the pictures of the page in docs/page/: `python -m tests.browser.pictures`, after
`make page`. They show a server of its own with the people and messages below."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser

from testkit.browser import run_browser
from testkit.people import Person
from testkit.server import TestServer, new_embedded_settings, run_server, without_limits
from tests.browser.visitor import Visitor, new_visitor

FOLDER = Path(__file__).parents[2] / "docs" / "page"
WIDE = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "Europe/Berlin"}
SMALL = {"viewport": {"width": 412, "height": 860}, "has_touch": True, "is_mobile": True}
CODE = """Morning! The migration ran on staging in 41 s. One thing to look at before we go:

```sql
-- rooms without a description
SELECT id, name FROM rooms WHERE description = '' LIMIT 20;
```"""
STEPS = """Yes. I checked **twice**, and the _rollback_ works:

1. stop the job
2. restore `chat.db`
3. start it again"""


async def write_messages(server: TestServer, people: list[Person]) -> tuple[str, int]:
    """A room with a bit of everything. Returns it, and the root of a thread."""
    ada, bob, daisuke, chloe = people
    for person, name in zip(people, ("Ada", "Bob", "大輔", "Chloé"), strict=True):
        await person.patch("/users/me", display_name=name)
    room = await bob.makes_room("public", ada, daisuke, chloe, name="release-week")
    topic = "Ship 2.0 on Friday. Checklist pinned, questions in threads."
    await bob.patch(f"/rooms/{room}", topic=topic)
    for name in ("announcements", "design", "产品讨论"):
        other = await chloe.makes_room("public", ada, bob, name=name)
        if name == "产品讨论":
            await chloe.says(other, "列表的排序？", "先按未读")
    await bob.makes_room("private", ada, name="hiring")
    direct = await bob.makes_room("direct", ada)
    await bob.says(direct, "Lunch?", "At 12:30")
    [root] = await bob.says(room, CODE)
    await daisuke.sends(room, "Twelve rows, all from the old archive.", thread=root)
    await chloe.sends(room, "I can fill them from the topics: `make backfill`", thread=root)
    await bob.sends(room, "Perfect, thank you both.", thread=root)
    note = "It is only the imported ones. See [the notes](https://example.com/notes)."
    [seq] = await bob.says(room, note)
    for person in (ada, daisuke, chloe):
        await person.put(f"/rooms/{room}/messages/{seq}/reactions/👍")
    await daisuke.put(f"/rooms/{room}/messages/{seq}/reactions/🚢")
    await daisuke.sends(room, "すごい。本番は明日の朝でいいですか？", reply_to=root)
    await ada.says(room, STEPS)
    await ada.put(f"/rooms/{room}/threads/{root}/follow")
    poll = {"options": ["Friday 07:00", "Friday 12:00", "Monday"]}
    seq = (await chloe.sends(room, "When do we start?", poll=poll)).json()["seq"]
    for person, option in ((ada, 1), (bob, 1), (daisuke, 2), (chloe, 1)):
        await person.put(f"/rooms/{room}/messages/{seq}/vote", options=[option])
    await chloe.says(room, f"@{ada.username} can you take the last line of the checklist?")
    return room, root


async def take(server: TestServer, browser: Browser) -> None:
    async with server.client() as http:
        people = await server.people(http, "ada", "bob", "daisuke", "chloe")
        room, root = await write_messages(server, people)
        visits: dict[str, tuple[dict[str, Any], str]] = {
            "light": (WIDE | {"color_scheme": "light"}, f"?thread={root}"),
            "dark": (WIDE | {"color_scheme": "dark"}, f"?thread={root}"),
            "small": (SMALL, ""),
            "rtl": (WIDE | {"locale": "ar"}, "?panel=members"),
        }
        for name, (options, rest) in visits.items():
            context = await browser.new_context(**({"locale": "en-GB"} | options))
            ada = await new_visitor(context, people[0], server.url)
            await ada.sign_in()
            await ada.open(room, rest)
            await take_picture(ada, name)
            await context.close()


async def take_picture(visitor: Visitor, name: str) -> None:
    await visitor.message("the checklist?").wait_for()
    await visitor.page.wait_for_load_state("networkidle")
    await visitor.page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        async with (
            new_embedded_settings(Path(folder)) as settings,
            run_server(without_limits(settings)) as server,
            run_browser() as browser,
        ):
            await take(server, browser)


if __name__ == "__main__":
    asyncio.run(main())
