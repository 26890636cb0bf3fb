"""Rate limits: a rate and a burst for each key.

The algorithm is GCRA (virtual scheduling, ITU-T I.371). The state of a key is one time, the
theoretical arrival time; its lead over the clock is the spent part of the burst. When that time has
passed, the whole burst is available again, and the key can be deleted.
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

LimitKey = UUID | str
_TOLERANCE_S = 1e-9
# Cost that is counted beyond the burst is a debt, which has to be paid off first. It is bounded, so
# that setting the clock back cannot lock users out for long.
MAX_DEBT_S = 300.0


class PolicyName(StrEnum):
    __hash__ = str.__hash__  # every send hashes it, and Enum's method is slow Python

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
    SETUPS = "setups"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The rate and burst of one limit. If `deferred`, each process decides alone and reports what
    was spent to the others a moment later."""

    name: PolicyName
    unit: str  # what is counted, in the plural, as error messages name it
    per_second: float
    burst: int
    deferred: bool = False
    interval_s: float = field(init=False)
    burst_s: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval_s", 1.0 / self.per_second)
        object.__setattr__(self, "burst_s", self.burst * self.interval_s)

    def limit_cost(self, cost: int) -> int:
        """A cost above the burst is admitted when the whole burst is available."""
        return min(cost, self.burst)

    def describe(self) -> str:
        rate, period = self.per_second, "second"
        for longer, times in (("minute", 60), ("hour", 60)):
            if rate < 1:
                rate, period = rate * times, longer
        article = "an" if period == "hour" else "a"
        return f"{rate:.3g} {article} {period}, {self.burst} at once"


class Mode(IntEnum):
    """How a cost is charged. The script in `limits/redis.py` uses the same numbers."""

    CHECK = 0  # never spent
    SPEND = 1  # spent if it is admitted
    COUNT = 2  # always spent, because it has happened


# Module variables, because Python 3.11 finds members of an Enum by a slow function.
_SPEND, _COUNT = Mode.SPEND, Mode.COUNT


class Charge(NamedTuple):
    policy: PolicyName
    key: LimitKey
    cost: int = 1
    mode: Mode = _SPEND


class LimitExceeded(RateLimited):
    def __init__(self, decision: "Decision") -> None:
        policy = decision.policy
        super().__init__(
            f"Too many {policy.unit}: {policy.describe()}. Wait and send it again.",
            retry_after_ms=ceil(decision.wait_s * 1000),
        )
        self.decision = decision


class Decision(NamedTuple):
    policy: Policy
    lead_s: float  # until the whole burst is available again
    wait_s: float  # until the cost is admitted; 0 if it is admitted now

    def enforce(self) -> None:
        """Raises LimitExceeded."""
        if self.wait_s:
            raise LimitExceeded(self)

    @property
    def remaining(self) -> int:
        policy = self.policy
        return max(0, int(policy.burst - self.lead_s * policy.per_second + 1e-6))


class LocalLimits:
    """The limits of one process. Idle keys are deleted, which bounds the memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_idle: int = 1_000) -> None:
        self._clock = clock
        self._arrivals: dict[tuple[Policy, LimitKey], float] = {}
        self._max_idle = self._sweep_at = max_idle

    def evaluate(self, policy: Policy, key: LimitKey, cost: int, mode: Mode = _SPEND) -> Decision:
        now, entry = self._clock(), (policy, key)
        lead = max(self._arrivals.get(entry, 0.0) - now, 0.0)
        price, burst_s = policy.limit_cost(cost) * policy.interval_s, policy.burst_s
        wait = lead + price - burst_s
        if wait <= _TOLERANCE_S:
            wait = 0.0
        if mode is _COUNT or (mode is _SPEND and not wait):
            lead = min(lead + price, burst_s + MAX_DEBT_S)
            self._store(entry, now + lead)
        return Decision(policy, lead, wait)

    def update(self, policy: Policy, key: LimitKey, lead_s: float) -> None:
        """Sets what all processes have spent of this key."""
        if lead_s:
            self._store((policy, key), self._clock() + lead_s)
        else:
            self._arrivals.pop((policy, key), None)

    def _store(self, entry: tuple[Policy, LimitKey], arrival: float) -> None:
        if len(self._arrivals) >= self._sweep_at:
            now = self._clock()
            self._arrivals = {e: at for e, at in self._arrivals.items() if at > now}
            self._sweep_at = max(self._max_idle, 2 * len(self._arrivals))
        self._arrivals[entry] = arrival


class TokenBucket:
    """The limit of a single object, such as a socket."""

    __slots__ = ("_arrival", "_burst_s", "_clock", "_interval_s")

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s = 1.0 / per_second
        self._burst_s = self._interval_s * (burst - 1)
        self._clock = clock
        self._arrival = 0.0

    def try_acquire(self) -> float:
        """Spends one token and returns 0.0, or spends none and returns the seconds until there is
        one."""
        now = self._clock()
        wait = self._arrival - now - self._burst_s
        if wait > _TOLERANCE_S:
            return wait
        self._arrival = max(self._arrival, now) + self._interval_s
        return 0.0


def address_key(address: str) -> str:
    """The part of an address that a client cannot choose: the whole of an IPv4 address, mapped to
    IPv6 or not, and the first 64 bits of an IPv6 address, of which one host has all (RFC 6177).
    Texts that are no address share one key."""
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
