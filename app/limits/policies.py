"""The table of all limits across requests. The frames of a socket have a TokenBucket."""

from app.core.rate_limit import Policy, PolicyName
from app.settings import Settings

# One address can use up only a quarter of an account's wrong passwords, so that an attacker needs
# several addresses to lock new devices out of an account.
ADDRESS_SHARE = 4


def create_policies(settings: Settings) -> dict[PolicyName, Policy]:
    limits, auth, name = settings.limits, settings.auth, PolicyName
    account = (auth.account_attempts_per_minute / 60, auth.account_attempts_burst)
    address = (auth.attempts_per_minute / 60, auth.attempts_burst)
    share = (account[0] / ADDRESS_SHARE, max(1, account[1] // ADDRESS_SHARE))
    table = (
        # By account.
        Policy(name.SENDS, "messages", limits.sends_per_second, limits.sends_burst, deferred=True),
        Policy(name.WRITES, "changes", limits.writes_per_minute / 60, limits.writes_burst),
        Policy(name.READS, "requests", limits.reads_per_minute / 60, limits.reads_burst),
        # By address.
        Policy(
            name.REGISTRATIONS,
            "registrations from this address",
            auth.registrations_per_hour / 3600,
            auth.registrations_burst,
        ),
        Policy(name.RENEWALS, "wrong refresh tokens from this address", *address),
        Policy(name.SETUPS, "attempts to set the server up from this address", *address),
        # Wrong passwords; `users/login_attempts.py` selects the limits of an attempt.
        Policy(name.LOGINS_PER_ACCOUNT, "wrong passwords for this account", *account),
        Policy(name.LOGINS_PER_ADDRESS, "wrong passwords from this address", *address),
        Policy(
            name.LOGINS_PER_ACCOUNT_AND_ADDRESS,
            "wrong passwords for this account from this address",
            *share,
        ),
        Policy(name.LOGINS_PER_DEVICE, "wrong passwords from this device", *account),
        Policy(name.PASSWORD_CHECKS, "wrong passwords in this session", *account),
    )
    return {policy.name: policy for policy in table}
