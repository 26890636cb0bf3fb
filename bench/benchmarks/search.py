"""Searches on a million messages, and what search costs a send."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx

from app.core.clock import now
from app.core.search_terms import part_terms
from app.core.search_words import PartKind, split_text
from app.persistence.database import Database
from app.persistence.engine import create_engines
from app.persistence.search.writes import IndexedMessage
from app.persistence.uow import UnitOfWork
from app.settings import Settings
from bench.ack_load import closed_loop, open_workload
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric, ratio_metric
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, insert_messages, seed_database
from bench.stats import latency_percentiles
from testkit.waiting import LIMIT_S

ROOMS, JOINED_ROOMS = 200, 100
MESSAGES_PER_BATCH = 2_000
QUERIES = 300  # of each kind
IN_FLIGHT = 32
# Where the texts are generated, one in a hundred is one of these.
RUNS = ("今天天气很好我们出去走走吧", "東京都庁の近くで会いましょう", "明天开会的时间改到下午三点")
TITLES = {"words": "two words", "bigram": "a CJK bigram"}
TARGETS_MS = {"words": 50.0, "bigram": 80.0}


@dataclass(frozen=True)
class Corpus:
    settings: Settings
    user: SeededUser
    queries: dict[str, Sequence[str]]


def make_texts(env: BenchEnvironment, count: int) -> Iterator[str]:
    """Real texts again and again, each time the first half of one with the second half of
    another."""
    texts = env.texts
    has_runs = any(map(find_runs, texts))
    for number in range(count):
        begin = texts[number % len(texts)]
        end = texts[(number + number // len(texts) * 7 + 1) % len(texts)]
        text = f"{begin[: len(begin) // 2]} {end[len(end) // 2 :]}"
        yield f"{text} {RUNS[number % 3]}" if number % 100 == 0 and not has_runs else text


def find_words(text: str) -> list[str]:
    parts = split_text(text)
    return [part.folded for part in parts if part.kind is PartKind.WORD and len(part.folded) > 1]


def find_runs(text: str) -> list[str]:
    return [
        part.folded
        for part in split_text(text)
        if part.kind is PartKind.RUN and len(part_terms(part)) > 1
    ]


def make_queries(texts: Sequence[str]) -> dict[str, Sequence[str]]:
    """Of words and runs as often as they are written."""
    rng = random.Random(1)
    words = [word for text in texts for word in find_words(text)]
    runs = [run for text in texts for run in find_runs(text)]
    starts = [(run, rng.randrange(len(run) - 1)) for run in rng.choices(runs, k=QUERIES)]
    return {
        # With a space: the last word is no beginning of one.
        "words": [" ".join(rng.sample(words, 2)) + " " for _ in range(QUERIES)],
        "bigram": [run[start : start + 2] for run, start in starts],
    }


@asynccontextmanager
async def corpora(env: BenchEnvironment) -> AsyncIterator[dict[str, Corpus]]:
    async with env.mariadb_database() as mariadb:
        urls = {"mariadb": mariadb, "sqlite": await env.sqlite_database()}
        yield {name: await fill(env, env.settings(url)) for name, url in urls.items()}


async def fill(env: BenchEnvironment, settings: Settings) -> Corpus:
    """The reader has joined half of the rooms; messages come to all rooms in turn."""
    settings = settings.model_copy(
        update={"consumers": settings.consumers.model_copy(update={"enabled": False})}
    )
    (reader, writer), rooms = await seed_database(
        settings, 2, ROOMS, lambda user: range(JOINED_ROOMS if user == 0 else ROOMS)
    )
    count = env.scale(1_000_000, 20_000)
    texts = list(make_texts(env, count))
    database = Database(create_engines(settings.database), lambda _: None, 3, 999)
    began = now() - timedelta(seconds=count)
    try:
        for start in range(0, count, MESSAGES_PER_BATCH):
            messages = [
                IndexedMessage(
                    rooms[number % ROOMS],
                    number // ROOMS + 1,
                    writer.id,
                    began + timedelta(seconds=number),
                    texts[number],
                    None,
                )
                for number in range(start, min(start + MESSAGES_PER_BATCH, count))
            ]
            await insert_messages(settings, messages)
            await database.transact(index, messages)
    finally:
        await database.dispose()
    return Corpus(settings, reader, make_queries(texts[:: max(1, count // 20_000)]))


async def index(uow: UnitOfWork, messages: Sequence[IndexedMessage]) -> None:
    await uow.search.index(messages)


def measure(
    name: str, kind: str
) -> Callable[[BenchEnvironment, dict[str, Corpus]], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, corpora: dict[str, Corpus]) -> Sample:
        corpus = corpora[name]
        latencies: list[float] = []
        hits = 0
        async with (
            env.chat_server(corpus.settings) as server,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}/api/v1",
                headers={"Authorization": f"Bearer {corpus.user.token}"},
                timeout=LIMIT_S,
            ) as http,
        ):
            queries = corpus.queries[kind]
            for query in queries[:20]:
                await http.get("/search/messages", params={"q": query})
            with env.metered(server) as usage:
                for query in queries:
                    started = time.monotonic()
                    answer = await http.get("/search/messages", params={"q": query})
                    latencies.append(time.monotonic() - started)
                    answer.raise_for_status()
                    hits += len(answer.json()["items"])
        answers = float(len(latencies))
        return (
            usage
            | latency_percentiles(latencies)
            | {"hits": hits / answers, "expected": answers, "received": answers}
        )

    return run


def send(
    name: str, *, enabled: bool
) -> Callable[[BenchEnvironment, dict[str, Corpus]], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, _: dict[str, Corpus]) -> Sample:
        if name == "sqlite":
            return await load(await env.sqlite_database(), env)
        async with env.mariadb_database() as url:
            return await load(url, env)

    async def load(url: str, env: BenchEnvironment) -> Sample:
        settings = env.settings(url, consumers={"enabled": enabled})
        async with open_workload(env, settings) as workload:
            return await closed_loop(env, workload, IN_FLIGHT)

    return run


def metrics(samples: Samples) -> list[Metric]:
    measured: list[Metric] = []
    for name, database in DATABASES.items():
        for kind, title in TITLES.items():
            measured += metric(
                f"search, {title}, first page by time, {database}, p99",
                samples,
                f"{name}-{kind}",
                "p99_ms",
                "ms",
                target=TARGETS_MS[kind],
                lower_is_better=True,
            )
        measured += ratio_metric(
            f"durable acks, 32 in flight, {database}, while they are indexed, ÷ without consumers",
            samples,
            "acks_per_s",
            f"{name}-indexed",
            f"{name}-plain",
            target=0.85,
        )
    return measured


DATABASES = {"mariadb": "MariaDB", "sqlite": "SQLite"}
BENCHMARK = Benchmark(
    name="search",
    title="Search",
    about=(
        f"`GET /search/messages` on 1,000,000 messages in {ROOMS} rooms, of which the caller is in "
        f"{JOINED_ROOMS}; one client, {QUERIES} queries of each kind, with words as often as they "
        "are written. And durable acks like those above, with the consumers that index messages "
        "and count them, and without."
    ),
    variants=[
        variant
        for name, database in DATABASES.items()
        for variant in (
            *(
                Variant(f"{name}-{kind}", f"{title}, {database}", measure(name, kind))
                for kind, title in TITLES.items()
            ),
            Variant(f"{name}-indexed", f"acks, indexed, {database}", send(name, enabled=True)),
            Variant(f"{name}-plain", f"acks, no consumers, {database}", send(name, enabled=False)),
        )
    ],
    columns=[
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
        Column("hits", "hits on the page"),
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
    ],
    metrics=metrics,
    setup=corpora,
)
