"""`python -m bench`: see `make bench`."""

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
from bench.cases import CASES
from bench.lab import ROOT, Lab, install_node_peers
from bench.proc import Cores, pin
from bench.run import chosen, run, say
from testkit.servers.mariadb import run_mariadb
from testkit.servers.redis import run_redis

NODE_PEERS = ROOT / "var" / "bench" / "node"
QUICK_RESULTS = ROOT / "var" / "bench" / "quick"
DOCUMENT = ROOT / "docs" / "performance.md"
# A million messages fit, as in a database that somebody looks after.
MARIADB = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=128M")


def main() -> None:
    given = _arguments()
    folder = QUICK_RESULTS if given.quick else results.KEPT
    if not given.report:
        _measure(given, folder)
    if not given.quick:
        found = results.load(folder)
        report.write(DOCUMENT, CASES, found)
        scale.write(scale.DOCUMENT, found)
        say(f"Wrote {DOCUMENT.relative_to(ROOT)} and {scale.DOCUMENT.relative_to(ROOT)}.")


def _measure(given: argparse.Namespace, folder: Path) -> None:
    try:
        cases = chosen(CASES, given.only)
        said = texts.load(given.data)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
    for name in [name for name in os.environ if name.startswith("CHAT_")]:
        del os.environ[name]  # a developer's own settings are not what is measured
    logging.getLogger("asyncmy").setLevel(logging.ERROR)  # the notes of MariaDB on our migrations
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    why_not = install_node_peers(NODE_PEERS)
    if why_not:
        say(f"Without the peers on Node: {why_not}.")
    cores = Cores.of(os.sched_getaffinity(0))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-bench-")))
        for name in ("mariadb", "redis"):
            (directory / name).mkdir()
        mariadb = stack.enter_context(run_mariadb(directory / "mariadb", *MARIADB))
        redis = stack.enter_context(run_redis(directory / "redis"))
        for server in (mariadb.own, redis.own):
            if server:
                pin(server.pid, cores.database)
        pin(os.getpid(), cores.load)
        lab = Lab(
            directory=directory,
            mariadb=mariadb,
            redis=redis,
            cores=cores,
            texts=said,
            quick=given.quick,
            node=None if why_not else NODE_PEERS,
        )
        for case in cases:
            result = uvloop.run(run(lab, case, given.data is not None))
            say(f"  → {results.save(result, folder)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ",".join(case.name for case in CASES)
    parser.add_argument("--only", default="", help=f"some of {names}, with commas between")
    parser.add_argument("--quick", action="store_true", help="small, once: does it run at all?")
    parser.add_argument("--report", action="store_true", help="only write the document again")
    parser.add_argument("--data", type=Path, help="a folder of Gitter archives, for real texts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
