"""A person with the page in a browser."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from testkit.people import Person
from testkit.server import PASSWORD


@dataclass(frozen=True)
class Visitor:
    """`problems` are errors of the page itself, such as exceptions and what its policy refused."""

    page: Page
    person: Person
    url: str
    problems: list[str]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/sign-in")
        await self.page.locator("[name=username]").fill(self.person.username)
        await self.page.locator("[name=password]").fill(PASSWORD)
        await self.page.locator("[name=password]").press("Enter")
        await expect(self.page.get_by_role("navigation")).to_be_visible()

    async def open(self, room: str, rest: str = "") -> None:
        """Open a room by its address, and wait until one can write."""
        await self.page.goto(f"{self.url}/r/{room}{rest}")
        await expect(self.composer).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.locator("main .composer textarea")

    @property
    def log(self) -> Locator:
        return self.page.locator("main [role=log]")

    def message(self, text: str) -> Locator:
        return self.log.locator("article").filter(has_text=text)

    async def write(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def sees(self, *texts: str) -> None:
        """Each of these messages, once."""
        for text in texts:
            await expect(self.message(text)).to_have_count(1)

    async def sees_sent(self, *texts: str) -> None:
        """Each of these messages, once, and confirmed by the server."""
        for text in texts:
            await expect(self.message(text)).to_have_count(1)
            await expect(self.message(text)).to_have_attribute("data-pending", "no")

    async def texts(self) -> list[str]:
        """The texts of the messages that are rendered, in their order."""
        return await self.log.locator("article .text-body").all_inner_texts()

    async def choose(self, message: str, action: str) -> None:
        """An action of a message's menu."""
        await self.message(message).hover()
        await self.message(message).get_by_role("button", name="More actions").click()
        await self.page.get_by_role("menuitem", name=action).click()


Visit = Callable[..., Awaitable[Visitor]]


async def new_visitor(context: BrowserContext, person: Person, url: str) -> Visitor:
    """A tab of a browser."""
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.extend(_violations(message)))
    return Visitor(page, person, url, problems)


def _violations(message: ConsoleMessage) -> list[str]:
    """Failed requests are no defect of the page: it is told about them by their answers."""
    known = "Failed to load resource" in message.text or "WebSocket connection" in message.text
    return [] if known or message.type != "error" else [message.text]
