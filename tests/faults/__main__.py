"""python -m tests.faults: fault-injection runs, seed after seed. `make faults` calls it."""

import argparse
import asyncio
import itertools
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from testkit.servers.backend import make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb, run_mariadb
from testkit.servers.redis import RedisServer, run_redis
from tests.faults.cluster import run_cluster
from tests.faults.fault_run import FaultPlan, RunResult, run
from tests.faults.faults import FAULTS
from tests.faults.report import LONGEST, markdown, summary, table

SECONDS = 60.0
MORE_S = 240.0  # what a run may take beyond its faults: start, recovery, checks
MIN_FAULTS_TOGETHER = 3  # fewer faults are always injected alone


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=0, help="continue with the next seeds for this time"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--faults", default="", help=f"some of: {', '.join(FAULTS)} (all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of faults per seed")
    parser.add_argument("--hold", type=float, help="seconds of each fault (random)")
    parser.add_argument("--lanes", type=int, default=1, help="clusters side by side (1)")
    parser.add_argument("--report", type=Path, help="file for the table, in Markdown")
    options = parser.parse_args(arguments)
    options.names = [name for name in options.faults.split(",") if name] or list(FAULTS)
    if unknown := set(options.names) - FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return options


def make_plan(options: argparse.Namespace, seed: int) -> FaultPlan:
    """Odd seeds inject one fault at a time, even seeds two."""
    together = seed % 2 == 0 and len(options.names) >= MIN_FAULTS_TOGETHER
    return FaultPlan(seed, options.names, options.seconds, options.hold, together=together)


async def lane(
    options: argparse.Namespace,
    seeds: "itertools.count[int]",
    deadline: float,
    results: list[RunResult],
    servers: tuple[MariaDb, RedisServer, Path],
    migrating: asyncio.Lock,
) -> None:
    """Runs one seed after the other on one MariaDB and one Redis, each with a new cluster."""
    mariadb, redis, directory = servers
    schema = unique_name()
    async with mariadb.database(schema) as url:
        async with migrating:  # alembic has one context per process
            await migrate(make_settings(directory, database=url))
        while True:
            plan = make_plan(options, next(seeds))
            rng = random.Random(plan.seed)
            async with (
                asyncio.timeout(plan.seconds + (plan.hold_s or 0) + MORE_S),
                run_cluster(mariadb, redis, schema, directory, rng) as cluster,
            ):
                result = await run(cluster, plan)
            results.append(result)
            print_result(result)
            if time.monotonic() >= deadline:
                return


def print_result(result: RunResult) -> None:
    how = "together" if result.plan.together else "alone"
    log(f"seed {result.plan.seed} ({how}): {summary([result])}")
    for violation in result.violations:
        log(f"  {violation.kind}: {violation.what[-LONGEST:]}")


def log(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def run_all(
    options: argparse.Namespace, lanes: Sequence[tuple[MariaDb, RedisServer, Path]]
) -> list[RunResult]:
    results: list[RunResult] = []
    seeds = itertools.count(options.seed)
    deadline = time.monotonic() + options.minutes * 60
    migrating = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for servers in lanes:
            group.create_task(lane(options, seeds, deadline, results, servers, migrating))
    return results


def command_line(options: argparse.Namespace) -> str:
    variables = {
        "MINUTES": f"{options.minutes:g}" if options.minutes else "",
        "SEED": str(options.seed),
        "FAULTS": options.faults,
        "SECONDS": f"{options.seconds:g}",
        "HOLD": f"{options.hold:g}" if options.hold else "",
        "LANES": str(options.lanes) if options.lanes > 1 else "",
    }
    return " ".join(
        ["make faults", *(f"{name}={value}" for name, value in variables.items() if value)]
    )


def main() -> int:
    options = parse(sys.argv[1:])
    logging.getLogger("asyncmy").setLevel(logging.ERROR)  # notes of migrations
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        lanes = []
        for number in range(options.lanes):
            own = directory / f"lane-{number}"
            (own / "mariadb").mkdir(parents=True)
            (own / "redis").mkdir()
            mariadb = stack.enter_context(run_mariadb(own / "mariadb"))
            redis = stack.enter_context(run_redis(own / "redis"))
            lanes.append((mariadb, redis, own))
        results = asyncio.run(run_all(options, lanes))
    log("")
    log(summary(results))
    log(table(results))
    if options.report:
        options.report.write_text(markdown(results, command_line(options)), encoding="utf-8")
    return int(any(result.violations for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
