"""A new server: the one who has the code of its log makes it theirs."""

import re
from pathlib import Path

from playwright.async_api import Page, expect

from testkit.processes import run_process
from testkit.server import PASSWORD, fast_settings, new_embedded_settings

CODE = re.compile(r"with the code (\S+)")


async def test_the_first_account_names_the_server_and_gets_a_room(
    tmp_path: Path, page: Page
) -> None:
    async with (
        new_embedded_settings(tmp_path) as settings,
        run_process(fast_settings(settings), tmp_path) as server,
    ):
        await page.goto(server.url)
        await page.get_by_label("Code", exact=True).fill("AAAA-BBBB-CCCC-DDDD")
        await page.get_by_label("Name of the server").fill("Analytical")
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_label("First room").fill("Engine room")
        await page.get_by_role("button", name="Start").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        match = CODE.search(server.story())
        assert match, server.story()
        await page.get_by_label("Code", exact=True).fill(match[1])
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("main h1")).to_contain_text("Engine room")
        await expect(page.get_by_role("navigation")).to_contain_text("Analytical")
        await page.reload()
        await expect(page.locator("main h1")).to_contain_text("Engine room")
