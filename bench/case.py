"""What is measured: cases, their arms, and the figures that come of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.settings import Settings
from bench.lab import Lab, Sample
from bench.stats import Spread

T = TypeVar("T")
# By arm: what each run of it has measured.
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Arm(Generic[T]):
    """One side of a comparison. `why_not`: why it cannot be measured here, or None."""

    name: str
    label: str
    measure: Callable[[Lab, T], Awaitable[Sample]]
    why_not: Callable[[Lab], str | None] = lambda _: None


@dataclass(frozen=True)
class Figure:
    """One line of the table. `target` is the least (`most`: the greatest) that is aimed at."""

    what: str
    value: Spread
    unit: str
    target: float | None = None
    most: bool = False

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        value = self.value.median
        return value <= self.target if self.most else value >= self.target


@dataclass(frozen=True)
class Column:
    """What the table of the runs shows of a sample."""

    key: str
    heading: str


@asynccontextmanager
async def database(lab: Lab) -> AsyncIterator[str]:
    """The stage of most cases: the URL of a database of its own."""
    async with lab.schema() as url:
        yield url


@dataclass(frozen=True)
class Case(Generic[T]):
    """`stage` is set once; then the arms are run in turn, again and again.

    `about` says how it is measured. Figures are made of what there is: an arm that could not be
    measured is not among the samples.
    """

    name: str
    title: str
    about: str
    arms: Sequence[Arm[T]]
    columns: Sequence[Column]
    figures: Callable[[Samples], list[Figure]]
    stage: Callable[[Lab], AbstractAsyncContextManager[T]]
    repeats: int = 3
    plot: str | None = None  # the key that is drawn


def values(samples: Samples, arm: str, key: str) -> list[float]:
    """Of each run; nothing for an arm that was not measured."""
    return [sample[key] for sample in samples.get(arm, ()) if key in sample]


def one(what: str, samples: Samples, arm: str, key: str, unit: str, **aim: Any) -> list[Figure]:
    """A figure of one arm."""
    found = values(samples, arm, key)
    return [Figure(what, Spread.of(found), unit, **aim)] if found else []


def ratio(
    what: str, samples: Samples, key: str, above: str, below: str, unit: str = "×", **aim: Any
) -> list[Figure]:
    """One arm over another. The runs that followed each other are compared, then the median is
    taken: what slows the machine for a while slows both."""
    pairs = zip(values(samples, above, key), values(samples, below, key), strict=False)
    found = [a / b for a, b in pairs if b]
    return [Figure(what, Spread.of(found), unit, **aim)] if found else []


def unless_known(group: str, name: str) -> str | None:
    """Why a setting cannot be set: this server has no such thing."""
    known = type(Settings.model_fields[group].default).model_fields
    return None if name in known else f"the server has no setting {group}.{name}"
