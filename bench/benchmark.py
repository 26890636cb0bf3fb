"""Benchmarks, their variants, and the metrics computed from the measured samples."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.settings import Settings
from bench.environment import BenchEnvironment, Sample
from bench.stats import Summary

T = TypeVar("T")
# By variant: one sample per run.
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Variant(Generic[T]):
    """One side of a comparison. `skip_reason` returns None if the variant can be measured here."""

    name: str
    label: str
    measure: Callable[[BenchEnvironment, T], Awaitable[Sample]]
    skip_reason: Callable[[BenchEnvironment], str | None] = lambda _: None


@dataclass(frozen=True)
class Metric:
    """One line of the summary table. With `lower_is_better`, `target` is an upper limit."""

    label: str
    value: Summary
    unit: str
    target: float | None = None
    lower_is_better: bool = False

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        value = self.value.median
        return value <= self.target if self.lower_is_better else value >= self.target


@dataclass(frozen=True)
class Column:
    """A key of the samples that the table of runs shows."""

    key: str
    heading: str


@asynccontextmanager
async def fresh_database(env: BenchEnvironment) -> AsyncIterator[str]:
    """The setup of most benchmarks: the URL of an empty database."""
    async with env.mariadb_database() as url:
        yield url


@dataclass(frozen=True)
class Benchmark(Generic[T]):
    """`setup` runs once; then the variants are measured in turn, `repeats` times.

    `about` describes the method. `metrics` must accept samples that lack some variants: those
    could not be measured.
    """

    name: str
    title: str
    about: str
    variants: Sequence[Variant[T]]
    columns: Sequence[Column]
    metrics: Callable[[Samples], list[Metric]]
    setup: Callable[[BenchEnvironment], AbstractAsyncContextManager[T]]
    repeats: int = 3
    plot: str | None = None  # the key to draw


def samples_of(samples: Samples, variant: str, key: str) -> list[float]:
    """One value per run; empty if the variant was not measured."""
    return [sample[key] for sample in samples.get(variant, ()) if key in sample]


def metric(
    label: str, samples: Samples, variant: str, key: str, unit: str, **options: Any
) -> list[Metric]:
    """A metric of one variant; empty if it was not measured. `options` are fields of `Metric`."""
    values = samples_of(samples, variant, key)
    return [Metric(label, Summary.of(values), unit, **options)] if values else []


def ratio_metric(
    label: str,
    samples: Samples,
    key: str,
    numerator: str,
    denominator: str,
    unit: str = "×",
    **options: Any,
) -> list[Metric]:
    """One variant divided by another.

    Each ratio is of two runs next to each other in time, so that a temporary slowdown of the
    machine affects both; the summary is of these ratios.
    """
    pairs = zip(
        samples_of(samples, numerator, key), samples_of(samples, denominator, key), strict=False
    )
    ratios = [a / b for a, b in pairs if b]
    return [Metric(label, Summary.of(ratios), unit, **options)] if ratios else []


def missing_setting(group: str, name: str) -> str | None:
    """The skip reason if the server has no setting of this name."""
    fields = type(Settings.model_fields[group].default).model_fields
    return None if name in fields else f"the server has no setting {group}.{name}"
