"""The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10; structured fields, RFC 9651).

The quota is the burst, and the window the time after which a spent burst is available again.
"""

from collections.abc import Sequence
from math import ceil

from starlette.types import Scope

from app.core.rate_limit import Decision

FIELDS = ("RateLimit", "RateLimit-Policy")
_STATE = "decisions"


def record_decision(scope: Scope, decision: Decision) -> None:
    """Remembers a decision for the fields of the answer to this request."""
    scope["state"].setdefault(_STATE, []).append(decision)


def get_rate_fields(scope: Scope) -> dict[str, str]:
    decisions = scope["state"].get(_STATE)
    return format_rate_fields(decisions) if decisions else {}


def format_rate_fields(decisions: Sequence[Decision]) -> dict[str, str]:
    return {
        "RateLimit": ", ".join(map(_service_limit, decisions)),
        "RateLimit-Policy": ", ".join(map(_quota_policy, decisions)),
    }


def _service_limit(decision: Decision) -> str:
    """If the limit is exceeded, `t` is the same as `Retry-After`."""
    reset_s = decision.wait_s or decision.lead_s
    return f'"{decision.policy.name}";r={decision.remaining};t={ceil(reset_s)}'


def _quota_policy(decision: Decision) -> str:
    policy = decision.policy
    return f'"{policy.name}";q={policy.burst};w={ceil(policy.burst * policy.interval_s)}'
