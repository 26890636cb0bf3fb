"""What axe finds in a page."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def findings(page: Page) -> list[str]:
    """Lines that say what and where."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text())
    result: dict[str, Any] = await page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


async def require_access(page: Page) -> None:
    """axe finds nothing in either theme, and nothing scrolls sideways on a small screen."""
    await page.emulate_media(reduced_motion="reduce")
    size = page.viewport_size
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await findings(page) == []
    await page.set_viewport_size({"width": 320, "height": 640})
    beyond = "() => Math.max(0, ...[...document.querySelectorAll('html, .panel-body, .dialog')]"
    assert await page.evaluate(f"{beyond}.map((e) => e.scrollWidth - e.clientWidth))") <= 0
    if size is not None:
        await page.set_viewport_size(size)
