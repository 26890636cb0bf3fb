"""Limits that many processes share through Redis.

    {prefix}:rate:{policy}:{key}    the theoretical arrival time, in microseconds of Redis' clock

The clock is Redis' own, so the clocks of the processes need not agree; processes exchange only how
far the time lies ahead of it. A key expires when its whole burst is available again.

All charges of one event loop iteration share a request, which also reports what was spent locally.
While Redis is unavailable the process decides alone, from what it last knew, without waiting; `run`
notices when Redis is back.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import structlog
from redis.exceptions import NoScriptError

from app.core.rate_limit import MAX_DEBT_S, Charge, Decision, LimitKey, Mode, Policy, PolicyName
from app.limits.memory import MemoryRateLimiter
from app.redis_client import UNREACHABLE, connect, describe_error
from app.settings import Redis

log = structlog.get_logger(__name__)

ANSWER_TIMEOUT_S = 0.25
SYNC_INTERVAL_S = 0.25
CHARGES_PER_SCRIPT = 500  # Redis runs nothing else during a script

# Each key has four arguments: the interval in microseconds, the burst, the cost and the mode.
SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {{}}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, mode = tonumber(ARGV[4 * i - 1]) * interval, tonumber(ARGV[4 * i])
  local arrival = tonumber(redis.call('GET', key) or now) or now
  local max_lead = burst * interval + {MAX_DEBT_S * 1e6:.0f}
  local lead = math.min(math.max(arrival - now, 0), max_lead)
  local wait = lead + cost - burst * interval
  if wait < 1 then wait = 0 end
  if mode == {Mode.COUNT:d} or (mode == {Mode.SPEND:d} and wait == 0) then
    lead = math.min(lead + cost, max_lead)
    redis.call('SET', key, string.format('%.0f', now + lead), 'PX', math.ceil(lead / 1000))
  end
  answers[2 * i - 1], answers[2 * i] = math.ceil(lead), math.ceil(wait)
end
return answers
"""
SCRIPT_SHA1 = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  # Redis names scripts so

PendingRequest = tuple[Sequence[Charge], "asyncio.Future[list[Decision]]"]


class RedisRateLimiter:
    def __init__(self, settings: Redis, policies: Mapping[PolicyName, Policy]) -> None:
        timeout_s = min(settings.timeout_s, ANSWER_TIMEOUT_S)
        self._client = connect(settings.model_copy(update={"timeout_s": timeout_s}))
        self._prefix = f"{settings.prefix}:rate"
        self._policies = policies
        self._local = MemoryRateLimiter(policies)
        self._pending: list[PendingRequest] = []
        self._unreported: dict[tuple[Policy, LimitKey], int] = {}  # cost spent locally
        self._wake = asyncio.Event()
        self.available = False

    def spend_local(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        decision = self._local.spend_local(policy, key, cost)
        if self.available and not decision.wait_s:
            cost = decision.policy.limit_cost(cost)
            entry = (decision.policy, key)
            self._unreported[entry] = self._unreported.get(entry, 0) + cost
        return decision

    async def evaluate(self, charges: Sequence[Charge]) -> list[Decision]:
        if self.available and charges:
            answer: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()
            self._pending.append((charges, answer))
            self._wake.set()
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    return await answer
            except TimeoutError:
                self._mark_unavailable(TimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s"))
        return await self._local.evaluate(charges)

    async def spend(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        if self._policies[policy].deferred:
            return self.spend_local(policy, key, cost)
        [decision] = await self.evaluate([Charge(policy, key, cost)])
        return decision

    async def run(self) -> None:
        while True:
            await self.sync()
            with suppress(TimeoutError):
                async with asyncio.timeout(SYNC_INTERVAL_S):
                    await self._wake.wait()

    async def stop(self) -> None:
        self.available = False
        with suppress(*UNREACHABLE):
            await self._client.aclose()

    async def sync(self) -> None:
        """Evaluates all pending charges and reports what was spent locally."""
        self._wake.clear()
        pending, self._pending = self._pending, []
        unreported, self._unreported = self._unreported, {}
        reports = [
            Charge(policy.name, key, cost, Mode.COUNT) for (policy, key), cost in unreported.items()
        ]
        charges = [*chain.from_iterable(charges for charges, _ in pending), *reports]
        if not charges and self.available:
            return
        try:
            decisions = await self._evaluate_in_redis(charges)
        except Exception as error:
            if not isinstance(error, UNREACHABLE):
                log.exception("limits.failed")
            self._mark_unavailable(error)
            for pending_charges, answer in pending:
                _resolve(answer, await self._local.evaluate(pending_charges))
            return
        if not self.available:
            log.info("limits.connected")
            self.available = True
        remaining = iter(decisions)
        for pending_charges, answer in pending:
            _resolve(answer, [next(remaining) for _ in pending_charges])

    async def _evaluate_in_redis(self, charges: Sequence[Charge]) -> list[Decision]:
        decisions: list[Decision] = []
        for start in range(0, max(len(charges), 1), CHARGES_PER_SCRIPT):
            chunk = charges[start : start + CHARGES_PER_SCRIPT]
            numbers = await self._run_script(chunk)
            for charge, lead_us, wait_us in zip(chunk, numbers[::2], numbers[1::2], strict=True):
                decisions.append(self._update_local(charge, lead_us / 1e6, wait_us / 1e6))
        return decisions

    async def _run_script(self, charges: Sequence[Charge]) -> list[int]:
        arguments: list[str | float] = []
        for name, _, cost, mode in charges:
            policy = self._policies[name]
            # A report is a sum of costs, which may exceed the burst.
            price = cost if mode is Mode.COUNT else policy.limit_cost(cost)
            arguments += [policy.interval_s * 1e6, policy.burst, price, int(mode)]
        keys = [f"{self._prefix}:{charge.policy}:{charge.key}" for charge in charges]
        answer: Any
        try:
            answer = await self._client.evalsha(SCRIPT_SHA1, len(keys), *keys, *arguments)
        except NoScriptError:
            answer = await self._client.eval(SCRIPT, len(keys), *keys, *arguments)
        return list(map(int, answer))

    def _update_local(self, charge: Charge, lead_s: float, wait_s: float) -> Decision:
        policy = self._policies[charge.policy]
        unreported_s = self._unreported.get((policy, charge.key), 0) * policy.interval_s
        self._local.limits.update(policy, charge.key, lead_s + unreported_s)
        return Decision(policy, lead_s, wait_s)

    def _mark_unavailable(self, error: Exception) -> None:
        if self.available:
            log.warning("limits.disconnected", error=describe_error(error))
        self.available = False
        self._unreported.clear()  # the local limits have counted it


def _resolve(answer: "asyncio.Future[list[Decision]]", decisions: list[Decision]) -> None:
    if not answer.done():
        answer.set_result(decisions)
