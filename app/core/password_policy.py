"""Which passwords are refused although they are long enough: those that are tried first.

OWASP ASVS 5.0, 6.2.4 asks for the 3,000 most common ones that are long enough; zxcvbn carries
11,600. Its own module would take 15 MB and 50 ms, so that only its list is read, when it is needed.
"""

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from app.wire.errors import Invalid
from app.wire.names import normalized_name
from app.wire.validation import MIN_PASSWORD_CHARS

MIN_DIFFERENT_CHARS = 3


def check_password(password: str, field: str, *names: str) -> None:
    """`names` are those of the account. Raises Invalid, about `field`. The first call reads the
    list, which blocks for some 30 ms: give it a thread."""
    key = normalized_name(password).strip()
    if key in map(normalized_name, names):
        _refuse(field, "must not be the name of the account")
    if key in _common_passwords():
        _refuse(field, "is one of the most common passwords, which are tried first")
    if len(set(key)) < MIN_DIFFERENT_CHARS:
        _refuse(field, f"must have {MIN_DIFFERENT_CHARS} different characters")


def _refuse(field: str, reason: str) -> None:
    raise Invalid(
        f"The password {reason}. Choose another one.",
        [{"path": field, "message": f"The password {reason}"}],
    )


@cache
def _common_passwords() -> frozenset[str]:
    """In lower case, as the list has them."""
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
