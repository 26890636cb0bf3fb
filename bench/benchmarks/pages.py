"""Pages of a thread, of mentions and of saved messages, compared with a page of a room."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, ratio_metric
from bench.benchmarks.history import CLIENT_COUNT, PAGE_SIZE, request_pages
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import seed_database
from testkit.waiting import LIMIT_S

MENTIONS = 17  # each with the message before and after it; the newest has none after it
TARGET = 1.2


@dataclass(frozen=True)
class Lists:
    """`paths` are those of pages with `PAGE_SIZE` messages each, by name."""

    settings: Settings
    token: str
    paths: dict[str, str]


@asynccontextmanager
async def open_lists(env: BenchEnvironment) -> AsyncIterator[Lists]:
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        (reader, writer), (plain, threaded, mentioning) = await seed_database(
            settings, 2, 3, lambda _: range(3)
        )
        texts = [env.texts[n % len(env.texts)] for n in range(2 * PAGE_SIZE)]
        async with (
            env.chat_server(settings) as server,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}/api/v1",
                headers={"Authorization": f"Bearer {writer.token}"},
                timeout=LIMIT_S,
            ) as http,
        ):

            async def send(room: Any, number: int, **content: Any) -> int:
                answer = await http.post(
                    f"/rooms/{room}/messages", json={"nonce": f"{number:04}"} | content
                )
                answer.raise_for_status()
                seq: int = answer.json()["seq"]
                return seq

            seqs = [await send(plain, n, text=text) for n, text in enumerate(texts)]
            root = await send(threaded, 0, text="root")
            for n, text in enumerate(texts, 1):
                await send(threaded, n, text=text, thread=root)
            for n in range(3 * MENTIONS - 1):
                mention = f"@{reader.id.hex} " if n % 3 == 1 else ""
                await send(mentioning, n, text=mention + texts[n])
            for seq in seqs:
                saved = await http.put(
                    f"/rooms/{plain}/messages/{seq}/saved",
                    json={},
                    headers={"Authorization": f"Bearer {reader.token}"},
                )
                saved.raise_for_status()
        paths = {
            "room": f"/rooms/{plain}/messages?limit={PAGE_SIZE}",
            "thread": f"/rooms/{threaded}/threads/{root}/messages?limit={PAGE_SIZE}",
            "mentions": f"/users/me/mentions?limit={MENTIONS}",
            "saved": f"/users/me/saved?limit={PAGE_SIZE}",
        }
        yield Lists(settings, reader.token, paths)


def measure(name: str) -> Callable[[BenchEnvironment, Lists], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, lists: Lists) -> Sample:
        return await request_pages(
            env, lists.settings, lists.paths[name], lists.token, CLIENT_COUNT
        )

    return run


def metrics(samples: Samples) -> list[Metric]:
    return [
        metric
        for name, title in TITLES.items()
        for metric in ratio_metric(
            f"{title}, app CPU ÷ a page of a room",
            samples,
            "cpu_us_per_page",
            name,
            "room",
            target=TARGET,
            lower_is_better=True,
        )
    ]


TITLES = {
    "thread": "page of a thread",
    "mentions": "page of my mentions, with context",
    "saved": "page of saved messages",
}
BENCHMARK = Benchmark(
    name="pages",
    title="Pages of messages",
    about=(
        f"Pages of {PAGE_SIZE} messages over HTTP, on {CLIENT_COUNT} connections: of a room, of "
        "the replies in a thread, of saved messages, and of my mentions, which are "
        f"{MENTIONS} with the messages beside them."
    ),
    variants=[
        Variant(name, title, measure(name))
        for name, title in ({"room": "page of a room"} | TITLES).items()
    ],
    columns=[
        Column("pages_per_cpu_s", "pages per app CPU second"),
        Column("cpu_us_per_page", "app CPU per page, µs"),
        Column("p50_ms", "p50, ms"),
    ],
    metrics=metrics,
    setup=open_lists,
)
