"""One limit for many processes, in Redis.

    {prefix}:rate:{policy}:{key}    the theoretical arrival time, in microseconds of Redis' clock

Redis' clock, so that the clocks of the processes need not agree; what goes over the wire is how far
the time lies ahead. A key expires when its whole burst is there again.

All charges of a turn of the event loop go in one request, together with what was taken meanwhile
without asking. While Redis is not reached nobody waits for it: the process decides alone, from what
it last knew, and `run` finds out when Redis is back.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import structlog
from redis.exceptions import NoScriptError

from app.core.rate_limit import MAX_DEBT_S, Charge, Key, Mode, Policy, PolicyName, Verdict
from app.limits.memory import MemoryRateLimiter
from app.redis_client import UNREACHABLE, connect, describe, is_unreachable
from app.settings import Redis

log = structlog.get_logger(__name__)

ANSWER_S = 0.25  # the longest that a command waits for Redis
SYNC_EVERY_S = 0.25
CHARGES_PER_SCRIPT = 500  # Redis does nothing else meanwhile

# Four arguments a key: the interval in microseconds, the burst, the cost, the mode.
SCRIPT = f"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {{}}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local cost, mode = tonumber(ARGV[4 * i - 1]) * interval, tonumber(ARGV[4 * i])
  local arrival = tonumber(redis.call('GET', key) or now) or now
  local most = burst * interval + {MAX_DEBT_S * 1e6:.0f}
  local lead = math.min(math.max(arrival - now, 0), most)
  local wait = lead + cost - burst * interval
  if wait < 1 then wait = 0 end
  if mode == {Mode.COUNT:d} or (mode == {Mode.SPEND:d} and wait == 0) then
    lead = math.min(lead + cost, most)
    redis.call('SET', key, string.format('%.0f', now + lead), 'PX', math.ceil(lead / 1000))
  end
  answers[2 * i - 1], answers[2 * i] = math.ceil(lead), math.ceil(wait)
end
return answers
"""
SHA = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  # it is how Redis names scripts

Waiting = tuple[Sequence[Charge], "asyncio.Future[list[Verdict]]"]


class RedisRateLimiter:
    def __init__(self, settings: Redis, policies: Mapping[PolicyName, Policy]) -> None:
        timeout_s = min(settings.timeout_s, ANSWER_S)
        self._client = connect(settings.model_copy(update={"timeout_s": timeout_s}))
        self._prefix = f"{settings.prefix}:rate"
        self._policies = policies
        self._alone = MemoryRateLimiter(policies)
        self._waiting: list[Waiting] = []
        self._taken: dict[tuple[Policy, Key], int] = {}  # and not reported yet
        self._asked = asyncio.Event()
        self.reached = False

    def take(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        verdict = self._alone.take(policy, key, cost)
        if self.reached and not verdict.wait_s:
            cost = verdict.policy.limit_cost(cost)
            entry = (verdict.policy, key)
            self._taken[entry] = self._taken.get(entry, 0) + cost
        return verdict

    async def decide(self, charges: Sequence[Charge]) -> list[Verdict]:
        if self.reached and charges:
            answer: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
            self._waiting.append((charges, answer))
            self._asked.set()
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await answer
            except TimeoutError:
                self._lose(TimeoutError(f"no answer within {ANSWER_S:g} s"))
        return await self._alone.decide(charges)

    async def spend(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        if self._policies[policy].deferred:
            return self.take(policy, key, cost)
        [verdict] = await self.decide([Charge(policy, key, cost)])
        return verdict

    async def run(self) -> None:
        while True:
            await self.sync()
            with suppress(TimeoutError):
                async with asyncio.timeout(SYNC_EVERY_S):
                    await self._asked.wait()

    async def stop(self) -> None:
        self.reached = False
        with suppress(*UNREACHABLE):
            await self._client.aclose()

    async def sync(self) -> None:
        """Ask for everybody who waits, and report what was taken."""
        self._asked.clear()
        waiting, self._waiting = self._waiting, []
        taken, self._taken = self._taken, {}
        reports = [
            Charge(policy.name, key, cost, Mode.COUNT) for (policy, key), cost in taken.items()
        ]
        charges = [*chain.from_iterable(charges for charges, _ in waiting), *reports]
        if not charges and self.reached:
            return
        try:
            verdicts = await self._evaluate(charges)
        except Exception as error:
            if not is_unreachable(error):
                log.exception("limits.failed")
            self._lose(error)
            for asked, answer in waiting:
                _resolve(answer, await self._alone.decide(asked))
            return
        if not self.reached:
            log.info("limits.connected")
            self.reached = True
        answers = iter(verdicts)
        for asked, answer in waiting:
            _resolve(answer, [next(answers) for _ in asked])

    async def _evaluate(self, charges: Sequence[Charge]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for start in range(0, max(len(charges), 1), CHARGES_PER_SCRIPT):
            chunk = charges[start : start + CHARGES_PER_SCRIPT]
            numbers = await self._call(chunk)
            for charge, lead_us, wait_us in zip(chunk, numbers[::2], numbers[1::2], strict=True):
                verdicts.append(self._learn(charge, lead_us / 1e6, wait_us / 1e6))
        return verdicts

    async def _call(self, charges: Sequence[Charge]) -> list[int]:
        arguments: list[str | float] = []
        for name, _, cost, mode in charges:
            policy = self._policies[name]
            # A report is the sum of what was taken, and may be more than the burst.
            price = cost if mode is Mode.COUNT else policy.limit_cost(cost)
            arguments += [policy.interval_s * 1e6, policy.burst, price, int(mode)]
        keys = [f"{self._prefix}:{charge.policy}:{charge.key}" for charge in charges]
        answer: Any
        try:
            answer = await self._client.evalsha(SHA, len(keys), *keys, *arguments)
        except NoScriptError:
            answer = await self._client.eval(SCRIPT, len(keys), *keys, *arguments)
        return list(map(int, answer))

    def _learn(self, charge: Charge, lead_s: float, wait_s: float) -> Verdict:
        policy = self._policies[charge.policy]
        since = self._taken.get((policy, charge.key), 0) * policy.interval_s
        self._alone.limits.learn(policy, charge.key, lead_s + since)
        return Verdict(policy, lead_s, wait_s)

    def _lose(self, error: Exception) -> None:
        if self.reached:
            log.warning("limits.lost", error=describe(error))
        self.reached = False
        self._taken.clear()  # it is counted here


def _resolve(answer: "asyncio.Future[list[Verdict]]", verdicts: list[Verdict]) -> None:
    if not answer.done():
        answer.set_result(verdicts)
