"""The command line of the benchmarks, `python -m bench`. `make bench` calls it."""

import argparse
import logging
import os
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench import report, results, scale, texts
from bench.benchmarks import BENCHMARKS
from bench.environment import ROOT, BenchEnvironment, install_node_baselines
from bench.proc import Cores, pin
from bench.run import log, run, select_benchmarks
from testkit.servers.mariadb import run_mariadb
from testkit.servers.redis import run_redis

NODE_BASELINES = ROOT / "var" / "bench" / "node"
QUICK_RESULTS = ROOT / "var" / "bench" / "quick"
DOCUMENT = ROOT / "docs" / "performance.md"
# A million messages fit into the buffer pool, as in a tuned production database.
MARIADB_OPTIONS = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=128M")


def main() -> None:
    options = _parse_arguments()
    folder = QUICK_RESULTS if options.quick else results.RESULTS_DIR
    if not options.report:
        _measure(options, folder)
    if not options.quick:
        measured = results.load(folder)
        report.write(DOCUMENT, BENCHMARKS, measured)
        scale.write(scale.DOCUMENT, measured)
        log(f"Wrote {DOCUMENT.relative_to(ROOT)} and {scale.DOCUMENT.relative_to(ROOT)}.")


def _measure(options: argparse.Namespace, folder: Path) -> None:
    try:
        benchmarks = select_benchmarks(BENCHMARKS, options.only)
        message_texts = texts.load(options.data)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
    for name in [name for name in os.environ if name.startswith("CHAT_")]:
        del os.environ[name]  # the developer's own settings must not affect the results
    logging.getLogger("asyncmy").setLevel(logging.ERROR)  # hides MariaDB's notes on migrations
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    node_problem = install_node_baselines(NODE_BASELINES)
    if node_problem:
        log(f"The baselines on Node are skipped: {node_problem}.")
    cores = Cores.allocate(os.sched_getaffinity(0))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-bench-")))
        for name in ("mariadb", "redis"):
            (directory / name).mkdir()
        mariadb = stack.enter_context(run_mariadb(directory / "mariadb", *MARIADB_OPTIONS))
        redis = stack.enter_context(run_redis(directory / "redis"))
        for server in (mariadb.own, redis.own):
            if server:
                pin(server.pid, cores.database)
        pin(os.getpid(), cores.load)
        env = BenchEnvironment(
            directory=directory,
            mariadb=mariadb,
            redis=redis,
            cores=cores,
            texts=message_texts,
            quick=options.quick,
            node=None if node_problem else NODE_BASELINES,
        )
        for benchmark in benchmarks:
            result = uvloop.run(run(env, benchmark, options.data is not None))
            log(f"  → {results.save(result, folder)}")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ",".join(benchmark.name for benchmark in BENCHMARKS)
    parser.add_argument("--only", default="", help=f"a comma-separated list out of {names}")
    parser.add_argument("--quick", action="store_true", help="a small smoke test, one repeat")
    parser.add_argument("--report", action="store_true", help="only write the documents again")
    parser.add_argument("--data", type=Path, help="a folder of Gitter archives with real texts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
