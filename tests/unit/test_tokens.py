"""Tokens. What forged ones are answered is in tests/features/users."""

from datetime import UTC, datetime, timedelta

import pytest
from jose import jwt

from app.core.errors import Unauthenticated
from app.core.ids import new_id
from app.core.tokens import MAX_TOKEN_CHARS, Claims, Tokens, digest, new_secret

KEY = b"k" * 32
NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=1)  # the run may take a while


@pytest.fixture
def claims() -> Claims:
    return Claims(new_id(), new_id())


def test_what_is_signed_is_verified(claims: Claims) -> None:
    tokens = Tokens(KEY, "chat")
    token = tokens.sign(claims, NOW, SOON)
    assert tokens.verify(token) == claims
    assert len(token) < MAX_TOKEN_CHARS / 2
    assert token != tokens.sign(claims, NOW, SOON)  # each has a `jti` of its own


def test_another_issuer_or_key_is_somebody_else(claims: Claims) -> None:
    token = Tokens(KEY, "chat").sign(claims, NOW, SOON)
    for other in (Tokens(KEY, "other"), Tokens(KEY, ""), Tokens(KEY + b"k", "chat")):
        with pytest.raises(Unauthenticated):
            other.verify(token)


def test_an_expired_token_has_no_leeway(claims: Claims) -> None:
    tokens = Tokens(KEY, "chat")
    with pytest.raises(Unauthenticated):
        tokens.verify(tokens.sign(claims, NOW - timedelta(minutes=5), NOW - timedelta(seconds=1)))


def test_a_good_signature_on_a_long_token_is_not_looked_at(claims: Claims) -> None:
    token = Tokens(KEY, "chat").sign(claims, NOW, SOON)
    good = jwt.get_unverified_claims(token)
    long = jwt.encode(good | {"x": "x" * MAX_TOKEN_CHARS}, KEY, algorithm="HS256")
    with pytest.raises(Unauthenticated):
        Tokens(KEY, "chat").verify(long)


@pytest.mark.parametrize("key", [b"", b"k" * 31])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Tokens(key, "chat")


def test_a_successor_is_always_the_same_and_tells_nothing() -> None:
    token = new_secret()
    one = Tokens(KEY, "chat")
    assert one.successor(token) == Tokens(KEY, "other").successor(token)
    assert one.successor(token) != Tokens(KEY + b"k", "chat").successor(token)
    chain = [token]
    for _ in range(50):
        chain.append(one.successor(chain[-1]))
    assert len(set(chain)) == 51
    assert all(len(each) == 64 and int(each, 16) for each in chain)


def test_secrets_are_new_and_stored_as_digests() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(digest(new_secret())) == 32
