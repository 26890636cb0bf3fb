"""Rate limits: a rate and a burst for each key.

The arithmetic is GCRA, the virtual scheduling of ITU-T I.371. The state of a key is one time, the
theoretical arrival time; its lead over the clock is what has been spent of the burst. A key whose
time has passed has its whole burst again, so that forgetting it changes nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from math import ceil
from typing import NamedTuple
from uuid import UUID

from app.wire.errors import RateLimited

Key = UUID | str
_TOLERANCE_S = 1e-9
# What is spent without leave is a debt, which is paid off first. Bounded, so that a clock that is
# set back does not lock anybody out for as long.
MAX_DEBT_S = 300.0


class PolicyName(StrEnum):
    __hash__ = str.__hash__  # Enum's is written in Python, and this is on the way of every send

    SENDS = "sends"
    WRITES = "writes"
    READS = "reads"
    REGISTRATIONS = "registrations"
    LOGINS_PER_ACCOUNT = "logins-per-account"
    LOGINS_PER_ADDRESS = "logins-per-address"
    LOGINS_PER_ACCOUNT_AND_ADDRESS = "logins-per-account-and-address"
    LOGINS_PER_DEVICE = "logins-per-device"
    PASSWORD_CHECKS = "password-checks"  # noqa: S105  # the name of a limit
    RENEWALS = "renewals"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """`deferred`: processes count for themselves, and tell each other a moment later."""

    name: PolicyName
    unit: str  # what is counted, in the plural, as people are told
    per_second: float
    burst: int
    deferred: bool = False
    interval_s: float = field(init=False)
    burst_s: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval_s", 1.0 / self.per_second)
        object.__setattr__(self, "burst_s", self.burst * self.interval_s)

    def limit_cost(self, cost: int) -> int:
        """What costs more than the whole burst is admitted when the whole burst is there."""
        return min(cost, self.burst)

    def describe(self) -> str:
        rate, period = self.per_second, "second"
        for longer, times in (("minute", 60), ("hour", 60)):
            if rate < 1:
                rate, period = rate * times, longer
        article = "an" if period == "hour" else "a"
        return f"{rate:.3g} {article} {period}, {self.burst} at once"


class Mode(IntEnum):
    """What becomes of the cost. The numbers are those of the script in `limits/redis.py`."""

    CHECK = 0  # nothing is spent: would it be admitted?
    SPEND = 1  # it is spent if it is admitted
    COUNT = 2  # it is spent in any case: it has happened


# Python 3.11 looks members of an enumeration up in a function of its own.
_SPEND, _COUNT = Mode.SPEND, Mode.COUNT


class Charge(NamedTuple):
    policy: PolicyName
    key: Key
    cost: int = 1
    mode: Mode = _SPEND


class LimitExceeded(RateLimited):
    def __init__(self, verdict: "Verdict") -> None:
        policy = verdict.policy
        super().__init__(
            f"Too many {policy.unit}: {policy.describe()}. Wait and send it again.",
            retry_after_ms=ceil(verdict.wait_s * 1000),
        )
        self.verdict = verdict


class Verdict(NamedTuple):
    policy: Policy
    lead_s: float  # what has been spent, in seconds until it is all there again
    wait_s: float  # until it is admitted; 0: it is

    def enforce(self) -> None:
        """Raises LimitExceeded."""
        if self.wait_s:
            raise LimitExceeded(self)

    @property
    def remaining(self) -> int:
        policy = self.policy
        return max(0, int(policy.burst - self.lead_s * policy.per_second + 1e-6))


class LocalLimits:
    """The keys of one process. Bounded by what is spent: idle keys are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_idle: int = 10_000) -> None:
        self._clock = clock
        self._arrivals: dict[tuple[Policy, Key], float] = {}
        self._max_idle = self._sweep_at = max_idle

    def decide(self, policy: Policy, key: Key, cost: int, mode: Mode = _SPEND) -> Verdict:
        now, entry = self._clock(), (policy, key)
        lead = max(self._arrivals.get(entry, 0.0) - now, 0.0)
        price, burst_s = policy.limit_cost(cost) * policy.interval_s, policy.burst_s
        wait = lead + price - burst_s
        if wait <= _TOLERANCE_S:
            wait = 0.0
        if mode is _COUNT or (mode is _SPEND and not wait):
            lead = min(lead + price, burst_s + MAX_DEBT_S)
            self._store(entry, now + lead)
        return Verdict(policy, lead, wait)

    def learn(self, policy: Policy, key: Key, lead_s: float) -> None:
        """What is spent of this key in all processes."""
        if lead_s:
            self._store((policy, key), self._clock() + lead_s)
        else:
            self._arrivals.pop((policy, key), None)

    def _store(self, entry: tuple[Policy, Key], arrival: float) -> None:
        if len(self._arrivals) >= self._sweep_at:
            now = self._clock()
            self._arrivals = {e: at for e, at in self._arrivals.items() if at > now}
            self._sweep_at = max(self._max_idle, 2 * len(self._arrivals))
        self._arrivals[entry] = arrival


class TokenBucket:
    """One key that has an object of its own, such as a socket."""

    __slots__ = ("_arrival", "_burst_s", "_clock", "_interval_s")

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s = 1.0 / per_second
        self._burst_s = self._interval_s * (burst - 1)
        self._clock = clock
        self._arrival = 0.0

    def take(self) -> float:
        """Spend one: 0.0 if it was there, else the seconds until it will be (nothing is spent)."""
        now = self._clock()
        wait = self._arrival - now - self._burst_s
        if wait > _TOLERANCE_S:
            return wait
        self._arrival = max(self._arrival, now) + self._interval_s
        return 0.0


def address_key(address: str) -> str:
    """The part of a client's address that it cannot choose: all of IPv4, also where it is written
    as IPv6, and the first 64 bits of IPv6, which is what one host is given (RFC 6177). All that is
    no address is one key."""
    try:
        return str(IPv4Address(address))
    except AddressValueError:
        pass
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return "unknown"
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
