"""Rejects common passwords, which attackers try first.

OWASP ASVS 5.0, 6.2.4 requires a check against the 3,000 most common passwords of sufficient length;
zxcvbn has 11,600. Importing zxcvbn would take 15 MB and 50 ms, so only its list is read, on demand.
"""

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from app.wire.errors import Invalid
from app.wire.user_and_room_names import normalized_name
from app.wire.validation import MIN_PASSWORD_CHARS

MIN_DIFFERENT_CHARS = 3


def check_password(password: str, field: str, *names: str) -> None:
    """Raises Invalid for `field`. `names` are the username and display name of the account. The
    first call reads the list, which takes about 30 ms, so call it in a thread."""
    key = normalized_name(password).strip()
    if key in map(normalized_name, names):
        _reject(field, "must not be the name of the account")
    if key in _load_common_passwords():
        _reject(field, "is one of the most common passwords, which are tried first")
    if len(set(key)) < MIN_DIFFERENT_CHARS:
        _reject(field, f"must have {MIN_DIFFERENT_CHARS} different characters")


def _reject(field: str, reason: str) -> None:
    raise Invalid(
        f"The password {reason}. Choose another one.",
        [{"path": field, "message": f"The password {reason}"}],
    )


@cache
def _load_common_passwords() -> frozenset[str]:
    """The common passwords, in lower case."""
    package = find_spec("zxcvbn")
    assert package
    assert package.origin
    spec = spec_from_file_location("lists", Path(package.origin).with_name("frequency_lists.py"))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    common = module.FREQUENCY_LISTS["passwords"]
    return frozenset(password for password in common if len(password) >= MIN_PASSWORD_CHARS)
