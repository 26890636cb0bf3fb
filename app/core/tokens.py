"""Tokens. The only module that knows python-jose.

Access tokens are JWTs (RFC 7519) signed with HS256, checked as RFC 8725 asks: one algorithm, given
as a list (a string would be searched for a substring), every claim required. Refresh tokens and
WebSocket tickets are opaque, 256 bits, and stored only as SHA-256.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jose import jwt
from jose.exceptions import JOSEError

from app.core.errors import Unauthenticated
from app.core.ids import new_id

ALGORITHM = "HS256"
AUDIENCE = "chat"
MIN_KEY_BYTES = 32
# Far above any token we sign; what is longer is not worth a signature check.
MAX_TOKEN_CHARS = 2048

_REQUIRED = {f"require_{claim}": True for claim in ("exp", "iat", "aud", "iss", "sub", "jti")} | {
    "leeway": 0
}


@dataclass(frozen=True, slots=True)
class Claims:
    user: UUID
    session: UUID


class Tokens:
    """Signs and checks access tokens, and makes the successor of a refresh token."""

    def __init__(self, key: bytes, issuer: str) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"a signing key has at least {MIN_KEY_BYTES} bytes")
        self._key, self._issuer = key, issuer
        self._refresh_key = hmac.digest(key, b"refresh-token-successor", "sha256")

    def sign(self, claims: Claims, issued: datetime, expires: datetime) -> str:
        token: str = jwt.encode(
            {
                "iss": self._issuer,
                "aud": AUDIENCE,
                "sub": str(claims.user),
                "sid": str(claims.session),
                "jti": str(new_id()),
                "iat": int(issued.timestamp()),
                "exp": int(expires.timestamp()),
            },
            self._key,
            algorithm=ALGORITHM,
        )
        return token

    def verify(self, token: str) -> Claims:
        """Who the token speaks for. Raises Unauthenticated, and says no more to the caller."""
        try:
            if len(token) > MAX_TOKEN_CHARS:
                raise JOSEError("too long")
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options=_REQUIRED,
            )
            return Claims(user=UUID(claims["sub"]), session=UUID(claims["sid"]))
        except (JOSEError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated(
                "The access token is missing, malformed, expired or not from here. "
                "Get a new one from POST /api/v1/auth/token."
            ) from error

    def successor(self, refresh_token: str) -> str:
        """The token that replaces this one: always the same, so that a client whose answer got lost
        can ask again within the grace and is told the same thing, without our storing a secret."""
        return hmac.new(self._refresh_key, refresh_token.encode(), "sha256").hexdigest()


def new_secret() -> str:
    """256 random bits in hexadecimal: a refresh token or a ticket."""
    return secrets.token_hex(32)


def digest(secret: str) -> bytes:
    """What is stored of a secret of 256 bits: SHA-256, which needs no salt at that entropy."""
    return hashlib.sha256(secret.encode()).digest()
