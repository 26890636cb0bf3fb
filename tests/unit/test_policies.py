"""The table of rate limits follows the settings."""

import pytest

from app.core.rate_limit import PolicyName
from app.limits.policies import create_policies
from app.settings import Settings
from testkit.servers.backend import override

ADDRESS = {PolicyName.LOGINS_PER_ADDRESS, PolicyName.RENEWALS, PolicyName.SETUPS}
ACCOUNT = {
    PolicyName.LOGINS_PER_ACCOUNT,
    PolicyName.LOGINS_PER_DEVICE,
    PolicyName.PASSWORD_CHECKS,
}


SETTINGS = [
    ("limits", "sends_per_second", 1, {PolicyName.SENDS}),
    ("limits", "writes_per_minute", 60, {PolicyName.WRITES}),
    ("limits", "reads_per_minute", 60, {PolicyName.READS}),
    ("auth", "registrations_per_hour", 3600, {PolicyName.REGISTRATIONS}),
    ("auth", "attempts_per_minute", 60, ADDRESS),
    ("auth", "account_attempts_per_minute", 60, ACCOUNT),
]


@pytest.mark.setting(
    "CHAT_AUTH__ACCOUNT_ATTEMPTS_BURST",
    "CHAT_AUTH__ACCOUNT_ATTEMPTS_PER_MINUTE",
    "CHAT_AUTH__ATTEMPTS_BURST",
    "CHAT_AUTH__ATTEMPTS_PER_MINUTE",
    "CHAT_AUTH__REGISTRATIONS_BURST",
    "CHAT_AUTH__REGISTRATIONS_PER_HOUR",
    "CHAT_LIMITS__READS_BURST",
    "CHAT_LIMITS__READS_PER_MINUTE",
    "CHAT_LIMITS__WRITES_BURST",
    "CHAT_LIMITS__WRITES_PER_MINUTE",
)
def test_rate_limit_settings_reach_their_policies() -> None:
    for group, prefix, period_s, names in SETTINGS:
        burst = f"{prefix.partition('_per_')[0]}_burst"
        table = create_policies(override(Settings(), **{group: {prefix: 77.0, burst: 88}}))
        found = {
            name
            for name, policy in table.items()
            if policy.per_second == 77 / period_s and policy.burst == 88
        }
        assert found == names


@pytest.mark.parametrize(("burst", "share"), [(1, 1), (3, 1), (8, 2), (21, 5)])
def test_one_address_gets_a_quarter_of_an_account_limit(burst: int, share: int) -> None:
    auth = {"account_attempts_per_minute": 4.0, "account_attempts_burst": burst}
    policy = create_policies(override(Settings(), auth=auth))[
        PolicyName.LOGINS_PER_ACCOUNT_AND_ADDRESS
    ]
    assert (policy.per_second * 60, policy.burst) == (1, share)
