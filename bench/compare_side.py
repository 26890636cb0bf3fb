"""Runs the benchmarks of one checkout, one run per request, for `bench.compare`.

`bench.compare` starts this file with the checkout in PYTHONPATH, so that `bench` is that checkout's
own and may be older than this file. Requests are lines on stdin: for each benchmark START, then
names of variants, then END. Each is answered on stdout with a line of JSON: a sample, null if there
is none (the variant is skipped or unknown), or FAILED.
"""

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

START, END, FAILED = "start", "end", "failed"
# The fields of a benchmark, and their names in older commits.
VARIANTS = ("variants", "arms")
SETUP = ("setup", "stage")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/compare_side.py", description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    responses = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing else that is printed gets among the responses
    command: Any = importlib.import_module("bench.__main__")
    run_variants = command.run

    async def run(env: Any, benchmark: Any, real_texts: bool) -> None:
        """Sets the benchmark up once, and runs each variant with the checkout's own `run`."""
        variants, setup = (_field_name(benchmark, names) for names in (VARIANTS, SETUP))
        by_name = {variant.name: variant for variant in getattr(benchmark, variants)}

        async def measure(name: str, shared_setup: Any) -> Any:
            selected = [variant for variant in [by_name.get(name)] if variant]
            changes = {variants: selected, setup: shared_setup, "repeats": 1}
            result = await run_variants(env, replace(benchmark, **changes), real_texts)
            return next(iter(result.samples.get(name, ())), None)

        _read_request()  # START
        async with getattr(benchmark, setup)(env) as value:

            @asynccontextmanager
            async def shared_setup(_: Any) -> AsyncIterator[Any]:
                yield value

            print(json.dumps(None), file=responses)
            while (request := _read_request()) != END:
                try:
                    response = await measure(request, shared_setup)
                except Exception:  # noqa: BLE001 - the other benchmarks can still be compared
                    traceback.print_exc()
                    response = FAILED
                print(json.dumps(response), file=responses)
        print(json.dumps(None), file=responses)

    command.run = run
    command.results.save = lambda *_: "bench.compare"
    command._measure(options, Path())  # noqa: SLF001 - the name in all commits


def _read_request() -> str:
    """Blocks the event loop, so that this side is idle while the other one is measured."""
    if not (line := sys.stdin.readline()):
        sys.exit("bench.compare has ended")
    return line.strip()


def _field_name(benchmark: Any, names: tuple[str, str]) -> str:
    return next(name for name in names if hasattr(benchmark, name))


if __name__ == "__main__":
    main()
