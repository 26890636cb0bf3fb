"""Runs a benchmark: sets it up once, then measures its variants in turn, repeatedly."""

import gc
import sys
from collections.abc import Sequence
from typing import Any

from bench.benchmark import Benchmark
from bench.environment import BenchEnvironment, Sample
from bench.results import Result, make_result


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def run(env: BenchEnvironment, benchmark: Benchmark[Any], real_texts: bool) -> Result:
    """Alternates between the variants, so that a temporary slowdown affects all of them."""
    skipped = {v.name: reason for v in benchmark.variants if (reason := v.skip_reason(env))}
    variants = [variant for variant in benchmark.variants if variant.name not in skipped]
    samples: dict[str, list[Sample]] = {variant.name: [] for variant in variants}
    log(f"{benchmark.title}: {len(variants)} variants")
    async with benchmark.setup(env) as setup:
        for repeat in range(env.scale(benchmark.repeats, 1)):
            for variant in variants:
                gc.collect()
                gc.freeze()
                gc.disable()  # a garbage collection here would count as latency of the server
                try:
                    sample = await variant.measure(env, setup)
                finally:
                    gc.enable()
                    gc.unfreeze()
                samples[variant.name].append(sample)
                log(f"  {repeat + 1} {variant.label}: {one_line(benchmark, sample)}")
    return make_result(benchmark.name, env.quick, real_texts, samples=samples, skipped=skipped)


def one_line(benchmark: Benchmark[Any], sample: Sample) -> str:
    shown = [f"{c.heading} {sample[c.key]:,.6g}" for c in benchmark.columns if c.key in sample]
    load = f"load {sample.get('load_share', 0):.0%}"
    missing = sample.get("expected", 0.0) - sample.get("received", 0.0)
    return ", ".join([*shown, load, *([f"MISSING {missing:,.0f}"] if missing else [])])


def select_benchmarks(benchmarks: Sequence[Benchmark[Any]], names: str) -> list[Benchmark[Any]]:
    """The benchmarks of a comma-separated list; all if it is empty. Raises ValueError."""
    selected = [name for name in map(str.strip, names.split(",")) if name]
    by_name = {benchmark.name: benchmark for benchmark in benchmarks}
    unknown = [name for name in selected if name not in by_name]
    if unknown:
        raise ValueError(f"no benchmark {', '.join(unknown)}; there are: {', '.join(by_name)}")
    return [by_name[name] for name in selected] if selected else list(benchmarks)
