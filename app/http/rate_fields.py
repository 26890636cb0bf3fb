"""The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10; structured fields, RFC 9651).

The quota is the burst, and the window the time in which a burst that is spent is there again.
"""

from collections.abc import Sequence
from math import ceil

from starlette.types import Scope

from app.core.rate_limit import Verdict

FIELDS = ("RateLimit", "RateLimit-Policy")
_STATE = "verdicts"


def note_verdict(scope: Scope, verdict: Verdict) -> None:
    """The answer to this request will tell of it."""
    scope["state"].setdefault(_STATE, []).append(verdict)


def noted_fields(scope: Scope) -> dict[str, str]:
    verdicts = scope["state"].get(_STATE)
    return rate_fields(verdicts) if verdicts else {}


def rate_fields(verdicts: Sequence[Verdict]) -> dict[str, str]:
    return {
        "RateLimit": ", ".join(map(_service_limit, verdicts)),
        "RateLimit-Policy": ", ".join(map(_quota_policy, verdicts)),
    }


def _service_limit(verdict: Verdict) -> str:
    """Where more has to be waited for, `t` is the moment that `Retry-After` names, too."""
    reset_s = verdict.wait_s or verdict.lead_s
    return f'"{verdict.policy.name}";r={verdict.remaining};t={ceil(reset_s)}'


def _quota_policy(verdict: Verdict) -> str:
    policy = verdict.policy
    return f'"{policy.name}";q={policy.burst};w={ceil(policy.burst * policy.interval_s)}'
