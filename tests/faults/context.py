"""What all clients of a fault-injection run share: requests, refusals, and the history."""

import asyncio
import random
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.cluster import SERVERS, Cluster
from tests.faults.history import History

REST_S = (0.05, 0.5)
# About a membership, or a message that others have changed; no other refusal is expected.
EXPECTED_REFUSALS = frozenset({"not_found", "forbidden", "version_conflict"})


class Unanswered(Exception):
    """The connection was lost or the response is late: the outcome is unknown."""


class RequestRejected(Exception):
    def __init__(self, code: str, retry: str, after_ms: int | None) -> None:
        super().__init__(code)
        self.code, self.retry = code, retry
        self.wait_s = min((after_ms or 0) / 1000, 1.0)


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    token: str


@dataclass
class RunContext:
    """What all clients of a run share."""

    cluster: Cluster
    history: History
    rng: random.Random
    http: httpx.AsyncClient
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # no client starts anything new

    def record_violation(self, kind: str, text: str) -> None:
        if len(self.history.observed_violations) < 1000:
            self.history.observed_violations.append((kind, text))

    async def call(
        self,
        account: Account | None,
        method: str,
        path: str,
        *,
        server: int | None = None,
        expected: Set[str] = EXPECTED_REFUSALS,
        **options: Any,
    ) -> httpx.Response:
        """One request, to a random server by default. Raises Unanswered or RequestRejected; a
        refusal that is not `expected` is a violation."""
        if server is None:
            server = self.rng.randrange(SERVERS)
        headers = {"Authorization": f"Bearer {account.token}"} if account else {}
        try:
            answer = await self.http.request(
                method,
                f"http://{self.cluster.gate(server)}/api/v1{path}",
                headers=headers,
                **options,
            )
        except (httpx.TransportError, OSError) as error:
            raise Unanswered from error
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
            rejection = RequestRejected(
                problem["code"], problem["retry"], problem.get("retry_after_ms")
            )
        except (ValueError, KeyError):
            self.record_violation(
                "no problem", f"{method} {path}: {answer.status_code} {answer.text}"
            )
            raise Unanswered from None
        self.check_refusal(rejection, f"{method} {path}: {answer.text}", expected)
        raise rejection

    def check_refusal(
        self, rejection: RequestRejected, where: str, expected: Set[str] = EXPECTED_REFUSALS
    ) -> None:
        """Record a refusal that no fault explains."""
        if rejection.code == "internal":
            self.record_violation("internal", where)
        elif rejection.retry == "never" and rejection.code not in expected:
            self.record_violation("false refusal", where)

    async def retry_until_done(
        self, account: Account | None, method: str, path: str, **options: Any
    ) -> httpx.Response:
        """Repeat a request until it succeeds. Raises RequestRejected if it never can."""
        while True:
            try:
                return await self.call(account, method, path, **options)
            except Unanswered:
                await self.rest()
            except RequestRejected as rejection:
                if rejection.retry == "never":
                    raise
                await asyncio.sleep(rejection.wait_s)

    async def rest(self) -> None:
        await asyncio.sleep(self.rng.uniform(*REST_S))
