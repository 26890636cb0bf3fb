"""Compares this checkout with another commit: `python -m bench.compare REF`, `make bench-compare`.

Both checkouts run their own `bench/` at the same time, but only one of them is measured at any
moment: each variant of the old one is followed by the same variant of the new one.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

from bench.benchmark import Benchmark
from bench.benchmarks import BENCHMARKS
from bench.compare_side import END, FAILED, START
from bench.environment import ROOT, Sample
from bench.report import markdown_table
from bench.run import log, select_benchmarks
from bench.stats import Summary, format_number

MIN_RATIO = 0.95
MAX_ROUNDS = 5
STOP_TIMEOUT_S = 30.0


class ComparedMetric(NamedTuple):
    """The names are those of the benchmark, its variant and the key in its samples."""

    benchmark: str
    variant: str
    key: str
    lower_is_better: bool = False


METRICS = (
    *(
        ComparedMetric("fanout", f"{clients}-{n}", "deliveries_per_cpu_s")
        for clients in ("ours", "small")
        for n in (1, 8, 32)
    ),
    ComparedMetric("latency", "ours-at-socketio", "p99_ms", lower_is_better=True),
    ComparedMetric("latency", "ours-at-ours", "p99_ms", lower_is_better=True),
    ComparedMetric("large_room", "busy", "last_ms", lower_is_better=True),
    ComparedMetric("large_room", "busy", "other_p95_ms", lower_is_better=True),
    ComparedMetric("tls", "tls", "last_ms", lower_is_better=True),
    ComparedMetric("tls", "tls", "bytes_per_socket", lower_is_better=True),
    *(
        ComparedMetric("acks", f"group-{n}", key)
        for n in (1, 32, 512)
        for key in ("acks_per_s", "acks_per_cpu_s")
    ),
    *(
        ComparedMetric("message_changes", variant, "acks_per_cpu_s")
        for variant in ("answer", "edit", "reaction")
    ),
    ComparedMetric("ack_latency", "acks", "p99_ms", lower_is_better=True),
    ComparedMetric("ack_latency", "quarter", "p99_ms", lower_is_better=True),
    ComparedMetric("quiet", "quiet", "deliveries_per_cpu_s"),
    ComparedMetric("quiet", "quiet", "p99_ms", lower_is_better=True),
    *(
        ComparedMetric("memory", variant, key, lower_is_better=True)
        for variant in ("listed", "open")
        for key in ("bytes_per_socket", "cpu_us_per_socket_s")
    ),
    ComparedMetric("hello", "hello", "hellos_per_cpu_s"),
    ComparedMetric("reconnect", "storm", "all_back_s", lower_is_better=True),
    ComparedMetric("reconnect", "storm", "cpu_ms_per_client", lower_is_better=True),
    *(
        ComparedMetric("room_lists", variant, key, lower_is_better=True)
        for variant, key in (
            ("unread", "cpu_us_per_update"),
            ("hello-backlogs", "cpu_us_per_hello"),
            ("reconnect-many", "cpu_us_per_hello"),
        )
    ),
    *(
        ComparedMetric("room_size", f"{name}-many", "cpu_us", lower_is_better=True)
        for name in ("join", "role", "members", "permissions")
    ),
    ComparedMetric("history", "deep", "p50_ms", lower_is_better=True),
    *(
        ComparedMetric("pages", variant, "pages_per_cpu_s")
        for variant in ("thread", "mentions", "saved")
    ),
    ComparedMetric("search", "mariadb-words", "p99_ms", lower_is_better=True),
    ComparedMetric("search", "sqlite-words", "p99_ms", lower_is_better=True),
    ComparedMetric("page", "load", "first_paint_ms", lower_is_better=True),
    ComparedMetric("page", "scroll", "frame_work_p95_ms", lower_is_better=True),
    ComparedMetric("history", "many", "pages_per_cpu_s"),
    ComparedMetric("sqlite", "group", "acks_per_s"),
    ComparedMetric("sqlite", "group", "acks_per_cpu_s"),
    ComparedMetric("sqlite", "quiet", "acks_per_cpu_s"),
    ComparedMetric("processes", "one", "acks_per_cpu_s"),
    ComparedMetric("processes", "two", "acks_per_cpu_s"),
)


class Pair(NamedTuple):
    """Two adjacent runs of the same variant."""

    old: Sample
    new: Sample


class Results:
    """Pairs by benchmark and variant; those with a run that failed are counted only."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        self._failures: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, benchmark: str, variant: str, old: Any, new: Any) -> None:
        if any(_is_failure(sample) for sample in (old, new)):
            self._failures[benchmark, variant] += 1
        elif old and new:
            self._pairs[benchmark, variant].append(Pair(old, new))

    def table(self, benchmarks: str) -> tuple[str, bool]:
        """The table as Markdown, and whether every metric that was measured passes."""
        selected = {b.name: b for b in select_benchmarks(BENCHMARKS, benchmarks)}
        rows, verdicts = [], []
        for metric in (metric for metric in METRICS if metric.benchmark in selected):
            benchmark = selected[metric.benchmark]
            variant = next(v for v in benchmark.variants if v.name == metric.variant)
            column = next(c for c in benchmark.columns if c.key == metric.key)
            values, verdict = self._compare(metric)
            rows.append([f"{benchmark.title}, {variant.label}: {column.heading}", *values, verdict])
            verdicts.append(verdict)
        heading = ["metric", "old", "new", "ratio (min–max)", "pairs", ""]
        passed = "ok" in verdicts and set(verdicts) <= {"ok", "not measured"}
        return markdown_table(heading, rows), passed

    def _compare(self, metric: ComparedMetric) -> tuple[list[str], str]:
        key = (metric.benchmark, metric.variant)
        pairs = [(old[metric.key], new[metric.key]) for old, new in self._pairs[key]]
        pairs = [(old, new) for old, new in pairs if old > 0 < new]
        if self._failures[key] or not pairs:
            verdict = "**a run failed**" if self._failures[key] else "not measured"
            return ["", "", "", f"{len(pairs)}"], verdict
        ratio = Summary.of(
            [old / new if metric.lower_is_better else new / old for old, new in pairs]
        )
        medians = [format_number(Summary.of(values).median) for values in zip(*pairs, strict=True)]
        verdict = "ok" if ratio.median >= MIN_RATIO else f"**below {MIN_RATIO}**"
        return [*medians, str(ratio), f"{len(pairs)}"], verdict


def _is_failure(sample: Any) -> bool:
    """Also if the benchmark has noticed that frames were lost."""
    return sample == FAILED or bool(sample and sample.get("received") != sample.get("expected"))


class Side:
    """A checkout whose benchmarks run in a process of their own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._is_busy = False

    async def request(self, text: str) -> Any:
        """Raises RuntimeError if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._is_busy = True
        self._process.stdin.write(f"{text}\n".encode())
        line = await self._process.stdout.readline()
        self._is_busy = False
        if not line:
            raise RuntimeError("a side has ended; the reason is above")
        return json.loads(line)

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # which ends it if it is idle; it stops its servers
        if self._is_busy and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


# Takes the name of a benchmark; the first of the two sides is the other commit.
OpenSides = Callable[[str], AbstractAsyncContextManager[Sequence[Side]]]


@asynccontextmanager
async def _side(checkout: Path, python: Path, options: Sequence[str]) -> AsyncIterator[Side]:
    script = Path(__file__).with_name("compare_side.py")
    process = await asyncio.create_subprocess_exec(
        # -P: the modules beside the script must not be importable by their short names.
        *(str(python), "-P", str(script), *options),
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    side = Side(process)
    try:
        yield side
    finally:
        await side.stop()


async def _compare(
    open_sides: OpenSides, benchmarks: str, deadline: float, results: Results
) -> None:
    """Each benchmark gets an equal share of the remaining time, and one round at least. One that
    the other commit does not have is not measured."""
    selected = select_benchmarks(BENCHMARKS, benchmarks)
    for number, benchmark in enumerate(selected):
        share = (deadline - time.monotonic()) / (len(selected) - number)
        try:
            async with open_sides(benchmark.name) as sides:
                await _compare_benchmark(benchmark, sides, share, results)
        except RuntimeError as error:
            log(f"{benchmark.title}: {error}.")


async def _compare_benchmark(
    benchmark: Benchmark[Any], sides: Sequence[Side], share: float, results: Results
) -> None:
    start = time.monotonic()
    variants = list(dict.fromkeys(m.variant for m in METRICS if m.benchmark == benchmark.name))
    for side in sides:
        await side.request(START)
    for round_number in range(1, MAX_ROUNDS + 1):
        log(f"{benchmark.title}: round {round_number}")
        for variant in variants:
            samples = [await side.request(variant) for side in sides]
            results.add(benchmark.name, variant, *samples)
        if (time.monotonic() - start) * (round_number + 1) / round_number > share:
            break
    for side in sides:
        await side.request(END)


async def _run(arguments: argparse.Namespace, checkout: Path, deadline: float) -> Results:
    options = ["--quick"] if arguments.quick else []
    options += [f"--data={arguments.data.resolve()}"] if arguments.data else []
    results = Results()
    python = _python_for(checkout, deadline)

    @asynccontextmanager
    async def open_sides(benchmark: str) -> AsyncIterator[Sequence[Side]]:
        chosen = [f"--only={benchmark}", *options]
        async with (
            _side(checkout, python, chosen) as old,
            _side(ROOT, Path(sys.executable), chosen) as new,
        ):
            yield old, new

    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await _compare(open_sides, arguments.only, deadline, results)
    except TimeoutError:
        log(f"Stopped after {arguments.minutes:g} minutes.")
    return results


@contextmanager
def _checkout(ref: str) -> Iterator[Path]:
    """A temporary git worktree of the commit."""
    with tempfile.TemporaryDirectory(prefix="chat-compare-") as directory:
        path = Path(directory) / "old"
        add = ["git", "worktree", "add", "--quiet", "--detach", str(path), ref]
        subprocess.run(add, cwd=ROOT, check=True)
        try:
            yield path
        finally:
            remove = ["git", "worktree", "remove", "--force", str(path)]
            subprocess.run(remove, cwd=ROOT, check=True)


def _python_for(checkout: Path, deadline: float) -> Path:
    """This interpreter if it has the locked packages of the checkout, else one of a new venv."""
    if _has_locked_packages(checkout / "requirements-dev.lock"):
        return Path(sys.executable)
    log("The packages differ: installing those of the other commit.")
    timeout = deadline - time.monotonic()
    subprocess.run(["make", ".venv/.dev"], cwd=checkout, check=True, timeout=timeout)
    return checkout / ".venv" / "bin" / "python"


def _has_locked_packages(lock: Path) -> bool:
    lines = re.findall(r"^[A-Za-z0-9].*==[^\\\n]*", lock.read_text(), re.MULTILINE)
    return all(map(_is_installed, map(Requirement, lines)))


def _is_installed(requirement: Requirement) -> bool:
    if requirement.marker and not requirement.marker.evaluate():
        return True
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("ref", help="the commit to compare with")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after this time")
    parser.add_argument("--only", default="", help="a comma-separated list of benchmarks")
    parser.add_argument("--quick", action="store_true", help="small benchmarks, for a smoke test")
    parser.add_argument("--data", type=Path, help="a folder of Gitter archives with real texts")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    with _checkout(arguments.ref) as checkout:
        results = asyncio.run(_run(arguments, checkout, deadline))
    table, passed = results.table(arguments.only)
    print(table)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
