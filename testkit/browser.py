"""Debian's Chromium, driven by Playwright."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, async_playwright

from testkit.servers.process import require
from testkit.waiting import LIMIT_S

# It asks no server but the one under test.
OPTIONS = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@asynccontextmanager
async def run_browser() -> AsyncIterator[Browser]:
    """Each context of it is a person's browser, with cookies and storage of its own."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which needs an ordinary user
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=require("chromium"), args=[*OPTIONS, *sandbox]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def new_context(
    browser: Browser, url: str, *, trusts_everybody: bool = False
) -> AsyncIterator[BrowserContext]:
    """A browser that has never been anywhere; addresses are relative to `url`."""
    context = await browser.new_context(base_url=url, ignore_https_errors=trusts_everybody)
    context.set_default_timeout(LIMIT_S * 1000)
    try:
        yield context
    finally:
        await context.close()
