"""Access tokens and refresh tokens. tests/features/users tests forged ones over HTTP."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jose import jws, jwt
from jose.exceptions import JOSEError

from app.core.ids import new_id
from app.core.tokens import MAX_TOKEN_CHARS, Claims, Tokens, digest, new_secret
from app.wire.errors import TokenExpired, Unauthenticated

KEY = b"k" * 32
NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=1)  # the run may take a while
PEM = b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAO\n-----END PUBLIC KEY-----"
ODD_KEYS = [
    *(b'"%s"' % (b"0123456789abcdef" * 2), b'{"a": "%s"}' % (b"x" * 32), b'["%s"]' % (b"x" * 32)),
    *(b'{"kty":"oct","k":"%s"}' % (b"A" * 43), b'{"keys":[],"a":"%s"}' % (b"x" * 32), b"1" * 32),
    *(PEM, b"ssh-rsa " + b"A" * 32, b"ssh-ed25519 " + b"A" * 32, b"[" * 2000, b"\0" * 32),
    *(b"0\x82\x01\x0a\x02\x82\x01\x01" + bytes(range(64)), "ключ".encode() * 8, b" " * 32),
]


@pytest.fixture
def claims() -> Claims:
    return Claims(new_id(), new_id(), 5)


def test_a_signed_token_is_verified(claims: Claims) -> None:
    tokens = Tokens([KEY], "chat")
    token = tokens.sign(claims, NOW, SOON)
    assert tokens.verify(token) == claims
    assert len(token) < MAX_TOKEN_CHARS / 2
    assert token != tokens.sign(claims, NOW, SOON)  # each has a `jti` of its own


def test_a_token_of_another_issuer_or_key_is_unauthenticated(claims: Claims) -> None:
    token = Tokens([KEY], "chat").sign(claims, NOW, SOON)
    for other in (Tokens([KEY], "other"), Tokens([KEY], ""), Tokens([KEY + b"k"], "chat")):
        with pytest.raises(Unauthenticated):
            other.verify(token)


def test_an_expired_token_has_no_leeway(claims: Claims) -> None:
    tokens = Tokens([KEY], "chat")
    token = tokens.sign(claims, NOW - timedelta(minutes=5), NOW - timedelta(seconds=1))
    with pytest.raises(TokenExpired):
        tokens.verify(token)
    assert tokens.verify(token, accept_expired=True) == claims


def test_a_token_that_was_verified_expires_nevertheless(
    claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens([KEY], "chat")
    token = tokens.sign(claims, NOW, SOON)
    assert tokens.verify(token) == claims
    monkeypatch.setattr("app.core.tokens.now", lambda: SOON)
    with pytest.raises(TokenExpired):
        tokens.verify(token)
    assert tokens.verify(token, accept_expired=True) == claims


def test_a_signature_is_verified_once_and_a_bad_one_each_time(
    claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens([KEY], "chat")
    token = tokens.sign(claims, NOW, SOON)
    head, _, signature = token.rpartition(".")  # not its last character, which has unused bits
    bad = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    verified: list[str] = []
    verify = jws.verify

    def record(verified_token: str, *args: object) -> bytes:
        verified.append(verified_token)
        payload: bytes = verify(verified_token, *args)
        return payload

    monkeypatch.setattr(jws, "verify", record)
    for _ in range(3):
        assert tokens.verify(token) == claims
        with pytest.raises(Unauthenticated):
            tokens.verify(bad)
    assert sorted(verified) == sorted([token, bad, bad, bad])


def test_verified_tokens_are_bounded(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.tokens.KEPT_TOKENS", 3)
    tokens = Tokens([KEY], "chat")
    signed = [tokens.sign(claims, NOW, SOON) for _ in range(9)]
    for token in signed:
        assert tokens.verify(token) == claims
    kept: Any = tokens._verify_signature
    assert kept.cache_info().currsize == 3


def test_a_token_above_the_maximum_length_is_not_verified(claims: Claims) -> None:
    token = Tokens([KEY], "chat").sign(claims, NOW, SOON)
    good, header = jwt.get_unverified_claims(token), jwt.get_unverified_header(token)
    for extra, fits in (("x", True), ("x" * MAX_TOKEN_CHARS, False)):
        long = jwt.encode(good | {"x": extra}, KEY, algorithm="HS256", headers=header)
        if fits:
            assert Tokens([KEY], "chat").verify(long) == claims
        else:
            with pytest.raises(Unauthenticated):
                Tokens([KEY], "chat").verify(long)


@pytest.mark.parametrize("key", [b"", b"k" * 31])
def test_a_short_key_is_refused(key: bytes) -> None:
    for keys in ([key], [KEY, key]):
        with pytest.raises(ValueError, match="at least 32 bytes"):
            Tokens(keys, "chat")


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: str(key[:24]))
def test_a_key_that_looks_like_json_or_pem_is_its_bytes(key: bytes, claims: Claims) -> None:
    _signs_as_its_bytes(key, claims)


@settings(deadline=None, max_examples=200)
@given(st.binary(min_size=32, max_size=200) | st.text(min_size=32, max_size=80).map(str.encode))
@example(b'"' + b"k" * 32 + b'"')
def test_any_32_bytes_are_accepted_as_key(key: bytes) -> None:
    _signs_as_its_bytes(key, Claims(new_id(), new_id(), 1))


def _signs_as_its_bytes(key: bytes, claims: Claims) -> None:
    token = Tokens([key], "chat").sign(claims, NOW, SOON)
    assert Tokens([key], "chat").verify(token) == claims
    assert Tokens([KEY + KEY, key], "chat").verify(token) == claims
    part, _, signature = token.rpartition(".")
    expected = hmac.digest(key, part.encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "=") == expected
    with pytest.raises(Unauthenticated):
        Tokens([key + b"x"], "chat").verify(token)


def test_keys_are_rotated_process_by_process(claims: Claims) -> None:
    """docs/operations.md: first accepted everywhere, then used for signing, then the old key is
    removed."""
    old, new = b"old" * 11, b"new" * 11
    steps = [[old], [old, new], [new, old], [new]]
    for before, after in pairwise(steps):
        for signer, verifier in ((before, after), (after, before)):
            token = Tokens(signer, "chat").sign(claims, NOW, SOON)
            assert Tokens(verifier, "chat").verify(token) == claims
    with pytest.raises(Unauthenticated):
        Tokens([new], "chat").verify(Tokens([old], "chat").sign(claims, NOW, SOON))


def test_a_header_names_its_key_without_revealing_it(claims: Claims) -> None:
    header = jwt.get_unverified_header(Tokens([KEY], "chat").sign(claims, NOW, SOON))
    assert header.keys() == {"alg", "typ", "kid"}
    assert len(header["kid"]) == 16
    assert header["kid"] not in (KEY.hex(), digest(KEY.decode()).hex()[:16])


def test_the_successor_of_a_refresh_token_is_deterministic_and_reveals_nothing() -> None:
    token = new_secret()
    one = Tokens([KEY], "chat")
    assert [*one.successors(token)] == [*Tokens([KEY], "other").successors(token)]
    (other,) = Tokens([KEY + b"k"], "chat").successors(token)
    assert [*Tokens([KEY, KEY + b"k"], "chat").successors(token)] == [*one.successors(token), other]
    chain = [token]
    for _ in range(50):
        chain.append(next(one.successors(chain[-1])))
    assert len(set(chain)) == 51
    assert all(len(each) == 64 and int(each, 16) for each in chain)


def test_secrets_are_new_and_stored_as_digests() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(digest(new_secret())) == 32


# What app/core/tokens.py guards against. When one of these fails the library has changed: read its
# notes, and what the guard is still for.


def test_the_library_still_parses_a_header_with_recursion_before_the_signature() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    with pytest.raises(RecursionError):
        jws.verify(f"{deep}.e30.AAAA", KEY, ["HS256"])


def test_the_library_still_fails_on_an_infinite_time() -> None:
    part = ".".join(
        base64.urlsafe_b64encode(text).decode().rstrip("=")
        for text in (json.dumps({"alg": "HS256"}).encode(), b'{"exp": 1e999}')
    )
    signature = base64.urlsafe_b64encode(hmac.digest(KEY, part.encode(), "sha256")).decode()
    with pytest.raises(OverflowError):
        jwt.decode(f"{part}.{signature.rstrip('=')}", KEY, algorithms=["HS256"])


def test_the_library_still_takes_a_key_for_json() -> None:
    """mpdavis/python-jose#45. The program signs with the bytes."""
    token = jws.sign(b"{}", ODD_KEYS[0], algorithm="HS256")
    with pytest.raises(JOSEError, match="Signature verification failed"):
        jws.verify(token, ODD_KEYS[0], ["HS256"])
    with pytest.raises(JOSEError, match="asymmetric key"):
        jws.sign(b"{}", PEM, algorithm="HS256")


def test_a_wrong_signature_or_payload_is_unauthenticated(claims: Claims) -> None:
    tokens = Tokens([KEY], "chat")
    header, payload, signature = tokens.sign(claims, NOW, SOON).split(".")
    for token in (f"{header}.{payload}.{signature[::-1]}", f"{header}.e30.{signature}"):
        with pytest.raises(Unauthenticated):
            tokens.verify(token)
