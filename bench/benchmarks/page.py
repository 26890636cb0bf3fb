"""The page in Chromium: its first load, a message that arrives, and a long scroll."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from playwright.async_api import BrowserContext, Page, expect

import app
from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, fill_room, seed_database
from bench.stats import percentile
from testkit.browser import run_browser
from testkit.server import PASSWORD
from testkit.waiting import LIMIT_S

CHROMIUM = Path("/usr/bin/chromium")
BUILT_PAGE = Path(app.__file__).parent / "web" / "static" / "index.html"
FRAME_US = 1_000_000 / 60
TRACED = ["disabled-by-default-devtools.timeline", "__metadata"]
WHEEL_PX = 400  # each frame: some five screens a second
ARRIVALS = 40
# From the frame of the socket to the frame of the screen that shows its message.
WATCH_ARRIVALS = """() => {
  window.arrivals = [];
  const log = document.querySelector("main [role=log]");
  new MutationObserver(() => {
    const shown = [...log.querySelectorAll("article")].at(-1)?.textContent ?? "";
    const text = /arrival \\d+/.exec(shown)?.[0];
    if (!text || !(text in window.received) || window.seen?.has(text)) return;
    (window.seen ??= new Set()).add(text);
    requestAnimationFrame(() => window.arrivals.push(performance.now() - window.received[text]));
  }).observe(log, { childList: true, subtree: true, characterData: true });
}"""
NOTE_FRAMES = """
  window.received = {};
  const listen = WebSocket.prototype.addEventListener;
  const note = (event) => {
    const text = typeof event.data === "string" && /"message.created"/.test(event.data)
      ? /arrival \\d+/.exec(event.data)?.[0] : undefined;
    if (text) window.received[text] ??= performance.now();
  };
  const Plain = WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) { super(...given); listen.call(this, "message", note); }
  };
"""


@dataclass(frozen=True)
class Stage:
    settings: Settings
    room: UUID
    sender: SeededUser


def skip_reason(_: BenchEnvironment) -> str | None:
    if not BUILT_PAGE.is_file():
        return "the page is not built: make page"
    return None if CHROMIUM.is_file() else "Chromium is not installed"


@asynccontextmanager
async def long_room(env: BenchEnvironment) -> AsyncIterator[Stage]:
    """A room with 100,000 messages."""
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        (sender,), (room,) = await seed_database(settings, 1, 1, lambda _: [0])
        await fill_room(settings, room, sender.id, env.scale(100_000, 20_000), env.texts)
        yield Stage(settings, room, sender)


@asynccontextmanager
async def open_room(env: BenchEnvironment, stage: Stage) -> AsyncIterator[tuple[Page, str]]:
    """The room in a browser without a history, by somebody who has just registered; and the
    server's address."""
    async with env.chat_server(stage.settings) as server, run_browser() as browser:
        url = f"http://127.0.0.1:{server.port}"
        username = f"reader{server.port}"
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=LIMIT_S) as http:
            account = {"username": username, "password": PASSWORD}
            (await http.post("/auth/register", json=account)).raise_for_status()
            grant = {"grant_type": "password"} | account
            login = (await http.post("/auth/token", data=grant)).raise_for_status().json()
            headers = {"Authorization": f"Bearer {login['access_token']}"}
            (await http.post(f"/rooms/{stage.room}/join", headers=headers)).raise_for_status()
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(LIMIT_S * 1000)
        expect.set_options(timeout=LIMIT_S * 1000)
        page = await context.new_page()
        await page.add_init_script(NOTE_FRAMES)
        await page.goto(f"{url}/sign-in")
        await page.get_by_label("Username").fill(username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("navigation")).to_be_visible()
        yield page, url


async def show_room(page: Page, url: str, stage: Stage) -> None:
    await page.goto(f"{url}/r/{stage.room}")
    await expect(page.locator("main article").last).to_be_visible()


async def measure_load(env: BenchEnvironment, stage: Stage) -> Sample:
    """A cold load of the room by its address."""
    async with open_room(env, stage) as (page, url):
        cold = await _second_context(page.context)
        sizes: dict[str, float] = {}
        devtools = await cold.context.new_cdp_session(cold)
        await devtools.send("Network.enable")
        scripts: set[str] = set()

        def note_response(event: dict[str, object]) -> None:
            if event["type"] == "Script":
                scripts.add(str(event["requestId"]))

        def note_end(event: dict[str, object]) -> None:
            size = event["encodedDataLength"]
            assert isinstance(size, int | float)
            sizes[str(event["requestId"])] = size

        devtools.on("Network.responseReceived", note_response)
        devtools.on("Network.loadingFinished", note_end)
        await show_room(cold, url, stage)
        paint: float = await cold.evaluate(
            "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        kilobytes = sum(sizes.get(script, 0.0) for script in scripts) / 1024
        return {"script_kb": kilobytes, "first_paint_ms": paint}


async def _second_context(context: BrowserContext) -> Page:
    """A tab whose cache is empty, with the cookies of the first."""
    assert context.browser is not None
    state = await context.storage_state()
    cold = await context.browser.new_context(
        viewport={"width": 1280, "height": 800}, storage_state=state, service_workers="block"
    )
    cold.set_default_timeout(LIMIT_S * 1000)
    return await cold.new_page()


async def measure_arrivals(env: BenchEnvironment, stage: Stage) -> Sample:
    """Messages that arrive one at a time while the end of the room is shown."""
    async with open_room(env, stage) as (page, url):
        await show_room(page, url, stage)
        await page.evaluate(WATCH_ARRIVALS)
        headers = {"Authorization": f"Bearer {stage.sender.token}"}
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers) as http:
            for number in range(ARRIVALS):
                body = {"nonce": f"{number}-{UUID(int=id(page))}", "text": f"arrival {number}"}
                path = f"/rooms/{stage.room}/messages"
                (await http.post(path, json=body)).raise_for_status()
                await page.wait_for_function(f"() => window.arrivals.length > {number}")
        delays: list[float] = await page.evaluate("() => window.arrivals")
        return {"arrival_p95_ms": percentile(delays, 0.95)}


async def measure_scroll(env: BenchEnvironment, stage: Stage) -> Sample:
    """A scroll upwards that never stops, over pages that load meanwhile; and jumps far away."""
    async with open_room(env, stage) as (page, url):
        await show_room(page, url, stage)
        last = env.scale(100_000, 20_000)
        await page.mouse.move(700, 400)
        browser = page.context.browser
        assert browser is not None
        await browser.start_tracing(page=page, categories=TRACED)
        loop = asyncio.get_running_loop()
        end = loop.time() + env.measure_s
        while loop.time() < end:
            await page.mouse.wheel(0, -WHEEL_PX)
        work = _frame_work_ms(await browser.stop_tracing())
        for place in range(10):
            await page.goto(f"{url}/r/{stage.room}/{max(1, place * last // 10)}")
            await expect(page.locator("main article").first).to_be_visible()
            for _ in range(50):
                await page.mouse.wheel(0, -WHEEL_PX)
        return {"frame_work_p95_ms": percentile(work, 0.95), "tab_mb": await _tab_mb(page)}


def _frame_work_ms(trace: bytes) -> list[float]:
    """The CPU time of the tasks of the page's main thread, by frame of a 60 Hz screen."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    work: dict[tuple[int, int], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
        thread = event.get("pid"), event.get("tid")
        if thread in mains and event.get("name") == "RunTask" and "tdur" in event:
            work[thread][int(event["ts"] // FRAME_US)] += event["tdur"] / 1000
    return list(max(work.values(), key=lambda frames: sum(frames.values())).values())


async def _tab_mb(page: Page) -> float:
    """The memory that the page's process shares with no other, after a garbage collection."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("HeapProfiler.collectGarbage")
    browser = page.context.browser
    assert browser is not None
    processes = (await (await browser.new_browser_cdp_session()).send("SystemInfo.getProcessInfo"))[
        "processInfo"
    ]
    renderers = [entry["id"] for entry in processes if entry["type"] == "renderer"]
    return max(map(_private_mb, renderers))


def _private_mb(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return sum(map(int, re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE))) / 1024


def metrics(samples: Samples) -> list[Metric]:
    return [
        entry
        for label, variant, key, unit, target in (
            ("script at the first load, compressed", "load", "script_kb", "KB", 150.0),
            ("first paint of a cold load", "load", "first_paint_ms", "ms", 1000.0),
            ("received message on the screen, p95", "arrivals", "arrival_p95_ms", "ms", 17.0),
            ("work per frame while scrolling, p95", "scroll", "frame_work_p95_ms", "ms", 8.0),
            ("memory of the tab after scrolling", "scroll", "tab_mb", "MB", 150.0),
        )
        for entry in metric(label, samples, variant, key, unit, target=target, lower_is_better=True)
    ]


Measure = Callable[[BenchEnvironment, Stage], Awaitable[Sample]]
VARIANTS: dict[str, tuple[str, Measure]] = {
    "load": ("a cold load", measure_load),
    "arrivals": ("messages that arrive", measure_arrivals),
    "scroll": ("a long scroll", measure_scroll),
}
BENCHMARK = Benchmark(
    name="page",
    title="The page",
    about=(
        "The built page in Debian's Chromium without a GPU, in a room of 100,000 messages: the "
        "size of the scripts and the first paint of a cold load; the time from a frame of the "
        "socket to the frame of the screen that shows its message; the work of the main thread "
        "in each sixtieth of a second of a scroll, and the private memory of the tab's process "
        "after that and ten jumps."
    ),
    variants=[
        Variant(name, label, measure, skip_reason) for name, (label, measure) in VARIANTS.items()
    ],
    columns=[
        Column("script_kb", "script, KB"),
        Column("first_paint_ms", "first paint, ms"),
        Column("arrival_p95_ms", "arrival p95, ms"),
        Column("frame_work_p95_ms", "frame work p95, ms"),
        Column("tab_mb", "tab, MB"),
    ],
    metrics=metrics,
    setup=long_room,
)
