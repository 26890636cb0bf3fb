"""Access tokens that somebody has made who is not us (RFC 8725): 401, whatever is wrong."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.features.answers import ok, refused
from tests.features.people import API, Person
from tests.features.serving import Running
from tests.features.users.auth import whoami

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed_part(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(b64(json.dumps(part).encode()) for part in (header, claims))


def forge(claims: dict[str, Any], key: bytes, algorithm: str = "HS256", **header: Any) -> str:
    """A token in its bytes, made without the library that checks it."""
    part = signed_part({"alg": algorithm, "typ": "JWT"} | header, claims)
    if algorithm.lower() == "none":
        return f"{part}."
    return f"{part}.{b64(hmac.digest(key, part.encode(), HASHES[algorithm]))}"


@pytest.fixture
def key(server: Running) -> bytes:
    return server.settings.auth.secret_key.encode()


@pytest.fixture
def claims(ada: Person) -> dict[str, Any]:
    """Those of a good token."""
    at = int(datetime.now(UTC).timestamp())
    return {
        "iss": "chat",
        "aud": "chat",
        "sub": ada.id,
        "sid": ada.session,
        "jti": str(uuid4()),
        "iat": at,
        "exp": at + 60,
    }


async def denied(http: httpx.AsyncClient, token: str) -> None:
    problem = refused(await whoami(http, token), "unauthenticated")
    # No word about what was wrong with it, and nothing of it.
    assert problem["detail"] == (
        "The access token is missing, malformed, expired or not from here. "
        "Get a new one from POST /api/v1/auth/token."
    )


async def test_the_forger_makes_good_tokens(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any]
) -> None:
    """Otherwise the tests below would show nothing."""
    ok(await whoami(http, forge(claims, key)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
async def test_unsigned(http: httpx.AsyncClient, claims: dict[str, Any], algorithm: str) -> None:
    await denied(http, forge(claims, b"", algorithm))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_another_algorithm_with_the_right_key(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], algorithm: str
) -> None:
    await denied(http, forge(claims, key, algorithm))


async def test_other_keys(
    http: httpx.AsyncClient, server: Running, key: bytes, claims: dict[str, Any]
) -> None:
    successor_key = hmac.digest(key, b"refresh-token-successor", hashlib.sha256)
    for other in (b"", b"\0" * 32, key[:-1], key[::-1], successor_key):
        await denied(http, forge(claims, other))


async def test_a_token_signed_by_somebody_s_rsa_key(
    http: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    """RS256, and HS256 with the bytes of the public key as the secret."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    part = signed_part({"alg": "RS256", "typ": "JWT"}, claims)
    signature = pair.sign(part.encode(), padding.PKCS1v15(), hashes.SHA256())
    await denied(http, f"{part}.{b64(signature)}")
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    await denied(http, forge(claims, public))


@pytest.mark.parametrize("claim", ["exp", "iat", "aud", "iss", "sub", "jti", "sid"])
async def test_a_claim_is_missing(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str
) -> None:
    await denied(http, forge({k: v for k, v in claims.items() if k != claim}, key))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *product(["exp"], [0, -1, "soon", None, [], {}, True]),
        ("nbf", 2**40),
        ("iat", "then"),
        *product(["aud"], ["", "other", ["other"], None, 1]),
        *product(["iss"], ["", "other", None, ["chat", "other"]]),
        *product(["sub"], ["", "ada", None, 1, {}]),
        *product(["sid"], ["", "x", None, 1, [], {}]),
        ("jti", None),
    ],
    ids=str,
)
async def test_a_claim_is_wrong(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str, value: object
) -> None:
    await denied(http, forge(claims | {claim: value}, key))


async def test_it_has_expired_this_second(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any]
) -> None:
    past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    await denied(http, forge(claims | {"exp": past}, key))


async def test_session_and_user_have_to_belong_together(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], eve: Person
) -> None:
    for other in ({"sub": eve.id}, {"sid": eve.session}, {"sid": str(uuid4())}):
        refused(await whoami(http, forge(claims | other, key)), "unauthenticated")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"typ": "other"}, {"kid": "../../x"}])
async def test_other_headers_change_nothing(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    answer = await whoami(http, forge(claims, key, **header))
    assert answer.status_code in {200, 401}


async def test_what_is_no_token_at_all(http: httpx.AsyncClient, ada: Person) -> None:
    head, body, signature = ada.access.split(".")
    for token in (
        *("x", "a.b", "a.b.c", "...", f"{head}.{body}", f"{head}.{body}.", f"{head}..{signature}"),
        *(f"{ada.access}x", f"{ada.access}.{signature}", ada.access[:-2], "e30.e30.e30"),
        *("x" * 3000, b64(b"\xff" * 99) + ".e30.x", "W10.W10.x", "bnVsbA.bnVsbA.x"),
    ):
        await denied(http, token)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Token x"], ids=repr)
async def test_no_bearer_token(http: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    refused(await http.get(f"{API}/users/me", headers=headers), "unauthenticated")


async def test_a_token_in_the_query_is_none(http: httpx.AsyncClient, ada: Person) -> None:
    answer = await http.get(f"{API}/users/me", params={"access_token": ada.access})
    refused(answer, "unauthenticated")
