"""Tokens. The only module that knows python-jose.

Access tokens are JWTs (RFC 7519) signed with HS256 (RFC 8725: one algorithm, every claim required).
Refresh tokens and WebSocket tickets are opaque, 256 bits, and stored only as SHA-256.

python-jose parses a header recursively before it checks the signature: 990 brackets raise a
RecursionError. It checks claims with arithmetic that overflows (`exp: 1e999`). It reads a key that
is JSON text as JSON, but only when it verifies (mpdavis/python-jose#45), and refuses keys that
look like PEM. So it only gets keys as JWKs and tokens whose header is byte for byte one of ours,
and checks only their signature. Claims are checked here.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

from jose import jwk, jws
from jose.exceptions import JOSEError
from pydantic import BaseModel, ConfigDict, ValidationError

from app.core.clock import now
from app.core.ids import new_id
from app.wire.errors import TokenExpired, Unauthenticated
from app.wire.validation import CanonicalUuid

ALGORITHM = "HS256"
AUDIENCE: Final = "chat"
MIN_KEY_BYTES = 32
# Verified tokens that are kept, of about 1 KB each.
KEPT_TOKENS = 1024
# Far above any token we sign; longer ones are rejected without a signature check.
MAX_TOKEN_CHARS = 2048

_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Claims:
    """`renewal` is the time of the login or renewal that issued the token, in microseconds."""

    user: UUID
    session: UUID
    renewal: int | None = None


class _Payload(BaseModel):
    """The claims of our tokens. Strict: numbers are integers, and ids have their canonical form."""

    model_config = ConfigDict(strict=True)

    iss: str
    aud: Literal["chat"]
    sub: CanonicalUuid
    sid: CanonicalUuid
    jti: str
    iat: int
    exp: int
    nbf: None = None  # we never set it, and it must not be ignored
    renewal: int | None = None  # absent in tokens of the previous release


class _SigningKey:
    """The values that are derived from one signing key."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_KEY_BYTES:
            raise ValueError(f"a signing key has at least {MIN_KEY_BYTES} bytes")
        encoded = base64.urlsafe_b64encode(secret).decode()
        self.jwk = jwk.construct({"kty": "oct", "k": encoded}, ALGORITHM)
        self.id = hmac.digest(secret, b"kid", "sha256")[:8].hex()
        self.refresh = hmac.digest(secret, b"refresh-token-successor", "sha256")

    def sign(self, payload: bytes, **header: str) -> str:
        token: str = jws.sign(payload, self.jwk, headers=header, algorithm=ALGORITHM)
        return token


class Tokens:
    """Signs and verifies access tokens, and derives the successors of refresh tokens.

    The first key signs; tokens of all keys are accepted, so that keys can be replaced.
    """

    def __init__(self, keys: Sequence[bytes], issuer: str) -> None:
        self._keys = [_SigningKey(secret) for secret in keys]
        self._issuer = issuer
        # A client sends one token with many requests. Bad ones are not kept: those are errors.
        self._verify_signature = lru_cache(KEPT_TOKENS)(self._verify_signature_now)
        # By the header of their tokens, which in the previous release named no key.
        self._by_header = {_get_header(self._keys[0].sign(b"")): self._keys[0]} | {
            _get_header(key.sign(b"", kid=key.id)): key for key in self._keys
        }

    def sign(self, claims: Claims, issued: datetime, expires: datetime) -> str:
        payload = _Payload(
            iss=self._issuer,
            aud=AUDIENCE,
            sub=claims.user,
            sid=claims.session,
            jti=str(new_id()),
            iat=int(issued.timestamp()),
            exp=int(expires.timestamp()),
            renewal=claims.renewal,
        )
        key = self._keys[0]
        return key.sign(payload.model_dump_json(exclude_none=True).encode(), kid=key.id)

    def verify(self, token: str, *, accept_expired: bool = False) -> Claims:
        """The claims of a valid token. Raises Unauthenticated or TokenExpired."""
        claims, expires = self._verify_signature(token)
        if expires <= now().timestamp() and not accept_expired:
            raise TokenExpired(
                "The access token has expired. "
                "Renew it with grant_type=refresh_token at POST /api/v1/auth/token."
            )
        return claims

    def _verify_signature_now(self, token: str) -> tuple[Claims, int]:
        """The claims, and when they expire. Raises Unauthenticated."""
        payload = self._parse_signed(token)
        if payload is None or payload.iss != self._issuer:
            raise Unauthenticated(
                "The access token is malformed or not from here. "
                "Get a new one from POST /api/v1/auth/token."
            )
        return Claims(payload.sub, payload.sid, payload.renewal), payload.exp

    def successors(self, refresh_token: str) -> Iterator[str]:
        """The token that replaces this one, derived with each key, the signing key first.

        The result is always the same, so a client whose answer was lost gets the same token again
        without the server storing it."""
        for key in self._keys:
            yield hmac.new(key.refresh, refresh_token.encode(), "sha256").hexdigest()

    def _parse_signed(self, token: str) -> _Payload | None:
        """The claims, or None if the token is malformed or its signature wrong."""
        shape = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN_CHARS else None
        key = self._by_header.get(shape[1]) if shape else None
        if key is None:
            return None
        try:
            return _Payload.model_validate_json(jws.verify(token, key.jwk, [ALGORITHM]))
        except (JOSEError, ValidationError):
            return None


def _get_header(token: str) -> str:
    return token.partition(".")[0]


def new_secret() -> str:
    """256 random bits in hexadecimal, for a refresh token or ticket."""
    return secrets.token_hex(32)


def digest(secret: str) -> bytes:
    """The stored form of a 256-bit secret: SHA-256, which needs no salt at that entropy."""
    return hashlib.sha256(secret.encode()).digest()
