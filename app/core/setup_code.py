"""The code with which the operator of a server makes the first administrator.

Only the operator of the server sees it. It is derived from the signing key and the epoch of the
database, so all processes of an installation have the same one, also after a restart, and nothing
has to be stored. It is void once there is an administrator.
"""

import hmac
from collections.abc import Sequence

# Without letters that look like digits or each other (Crockford's base 32).
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARS, _GROUP = 16, 4  # 80 bits
_LOOKALIKES = str.maketrans("OIL", "011", "- ")


def create_setup_code(key: bytes, epoch: str) -> str:
    """Such as `7H2K-…`, in four groups."""
    digest = hmac.digest(key, b"setup-code:" + epoch.encode(), "sha256")
    code = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_CHARS])
    return "-".join(code[start : start + _GROUP] for start in range(0, _CHARS, _GROUP))


def is_setup_code(typed: str, keys: Sequence[bytes], epoch: str) -> bool:
    """Without regard to case, spaces, hyphens and letters that look like digits."""
    code = _normalize(typed).encode(errors="replace")
    codes = [_normalize(create_setup_code(key, epoch)).encode() for key in keys]
    return any(hmac.compare_digest(code, expected) for expected in codes)


def _normalize(code: str) -> str:
    return code.upper().translate(_LOOKALIKES)
