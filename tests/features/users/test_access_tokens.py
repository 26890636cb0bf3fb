"""Forged access tokens (RFC 8725) are refused with 401, whatever is wrong with them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from testkit.answers import assert_ok, assert_problem
from testkit.people import API, Person
from testkit.server import TestServer
from tests.features.users.auth import whoami

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def compact(part: dict[str, Any]) -> bytes:
    return json.dumps(part, separators=(",", ":")).encode()


def sealed(header: bytes, payload: bytes, key: bytes, digest: str = "sha256") -> str:
    """A signed token made byte by byte, without the library that verifies it."""
    part = f"{b64(header)}.{b64(payload)}"
    return f"{part}.{b64(hmac.digest(key, part.encode(), digest))}"


def header_of(key: bytes, **more: Any) -> dict[str, Any]:
    """The header that this server writes, and the only one that it accepts."""
    return {
        "alg": "HS256",
        "kid": hmac.digest(key, b"kid", "sha256")[:8].hex(),
        "typ": "JWT",
    } | more


def forge(claims: dict[str, Any], key: bytes, algorithm: str = "HS256", **header: Any) -> str:
    written = compact(header_of(key, alg=algorithm, **header))
    if algorithm.lower() == "none":
        return f"{b64(written)}.{b64(compact(claims))}."
    return sealed(written, compact(claims), key, HASHES[algorithm])


@pytest.fixture
def key(server: TestServer) -> bytes:
    return server.settings.auth.secret_key.encode()


@pytest.fixture
def claims(ada: Person) -> dict[str, Any]:
    """The claims of a valid token."""
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
    problem = assert_problem(await whoami(http, token), "unauthenticated")
    # No word about what was wrong with it, and nothing of it.
    assert problem["detail"] == (
        "The access token is malformed or not from here. "
        "Get a new one from POST /api/v1/auth/token."
    )


async def test_the_forging_helper_makes_valid_tokens(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any]
) -> None:
    """Otherwise the tests below would prove nothing."""
    assert_ok(await whoami(http, forge(claims, key)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
async def test_unsigned_access_tokens_are_refused(
    http: httpx.AsyncClient, claims: dict[str, Any], algorithm: str
) -> None:
    await denied(http, forge(claims, b"", algorithm))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_access_tokens_with_another_algorithm_are_refused(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], algorithm: str
) -> None:
    await denied(http, forge(claims, key, algorithm))


async def test_access_tokens_signed_with_other_keys_are_refused(
    http: httpx.AsyncClient, server: TestServer, key: bytes, claims: dict[str, Any]
) -> None:
    successor_key = hmac.digest(key, b"refresh-token-successor", hashlib.sha256)
    for other in (b"", b"\0" * 32, key[:-1], key[::-1], successor_key):
        await denied(http, forge(claims, other))


async def test_access_tokens_signed_with_an_rsa_key_are_refused(
    http: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    """RS256, and HS256 with the bytes of the public key as the secret."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    part = f"{b64(compact(header_of(public_bytes(pair), alg='RS256')))}.{b64(compact(claims))}"
    signature = pair.sign(part.encode(), padding.PKCS1v15(), hashes.SHA256())
    await denied(http, f"{part}.{b64(signature)}")
    await denied(http, forge(claims, public_bytes(pair)))


def public_bytes(pair: rsa.RSAPrivateKey) -> bytes:
    return pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize("claim", ["exp", "iat", "aud", "iss", "sub", "jti", "sid"])
async def test_access_tokens_without_a_claim_are_refused(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str
) -> None:
    await denied(http, forge({k: v for k, v in claims.items() if k != claim}, key))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *product(["exp"], ["soon", None, [], {}, True]),
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
async def test_access_tokens_with_a_wrong_claim_are_refused(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str, value: object
) -> None:
    await denied(http, forge(claims | {claim: value}, key))


ABSURD = [
    *(b"1e999", b"-1e999", b"NaN", b"Infinity", b"1.5", b"9e15", b"1" * 5000, b"true", b"[1]"),
    *(b"[" * 600, b"{" * 600, b'{"a":' * 200 + b"1" + b"}" * 200, b'"\\ud800"', b'"\\u0000"'),
    *(b'"' + b"9" * 400 + b'"', b"\xff", b"null", b"", b"0x10", b"1_0"),
]


def with_claim(claims: dict[str, Any], claim: str, value: bytes) -> bytes:
    """The claims as JSON or almost JSON."""
    others = [f"{json.dumps(k)}:{json.dumps(v)}" for k, v in claims.items() if k != claim]
    return b'{%s,"%s":%s}' % (",".join(others).encode(), claim.encode(), value)


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "sid", "aud", "iss"])
async def test_access_tokens_with_unparsable_claims_are_refused(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str
) -> None:
    """They are signed with the right key, so they are parsed."""
    for value in ABSURD:
        payload = with_claim(claims, claim, value)
        await unreadable(http, sealed(compact(header_of(key)), payload, key))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "renewal", "jti", "of_tomorrow"])
async def test_no_signed_payload_is_an_internal_error(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], claim: str
) -> None:
    for value in (*ABSURD, b"1" * 400, b"-1", b"-" + b"1" * 400):
        payload = with_claim(claims, claim, value)
        answer = await whoami(http, sealed(compact(header_of(key)), payload, key))
        assert answer.status_code in (200, 401), value


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"null", b"1", b'"x"', b"[" * 900, b'{"exp":' * 150, b"\xff\xfe", b"{}", b"{} {}"],
    ids=lambda payload: str(payload[:12]),
)
async def test_access_tokens_with_invalid_payloads_are_refused(
    http: httpx.AsyncClient, key: bytes, payload: bytes
) -> None:
    await unreadable(http, sealed(compact(header_of(key)), payload, key))


@pytest.mark.parametrize(
    "header",
    [
        *(b"[" * 990, b"{" * 990, b'{"alg":' * 200, b'{"a":' * 200 + b"1" + b"}" * 200),
        *(b"", b"{}", b"[]", b"null", b"1e999", b"1" * 5000, b"\xff\x00", b'"HS256"'),
        *(b'{"alg":1e999}', b'{"alg":["HS256"]}', b'{"alg":{"HS256":1}}', b'{"alg":null}'),
        *(b'{"alg":"HS256","alg":"none"}', b'{"alg":"HS256","typ":"JWT" }', b'{"alg":"hs256"}'),
    ],
    ids=lambda header: str(header[:40]),
)
async def test_access_tokens_with_dangerous_headers_are_refused(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], header: bytes
) -> None:
    """990 brackets raise RecursionError in python-jose before it verifies the signature."""
    await unreadable(http, f"{b64(header)}.e30.AAAA")
    await unreadable(http, sealed(header, compact(claims), key))


async def unreadable(http: httpx.AsyncClient, token: str) -> None:
    """The token is refused like any other, and the log has only the line of the request."""
    with structlog.testing.capture_logs() as lines:
        await denied(http, token)
    assert [line["event"] for line in lines] == ["http.request"]
    assert len(str(lines[0])) < 400


async def test_authorization_headers_with_invalid_bytes_are_refused(
    http: httpx.AsyncClient, ada: Person
) -> None:
    for token in (f"{ada.access}é", "é.é.é", "\x80" * 40, ada.access.replace(".", "..")):
        headers = {b"Authorization": f"Bearer {token}".encode("latin-1")}
        assert_problem(await http.get(f"{API}/users/me", headers=headers), "unauthenticated")


async def test_an_expired_access_token_is_answered_with_token_expired(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], ada: Person
) -> None:
    at = int(datetime.now(UTC).timestamp())
    for exp in (at - 1, 0, -1):
        answer = await whoami(http, forge(claims | {"exp": exp}, key))
        problem = assert_problem(answer, "token_expired")
        assert "grant_type=refresh_token" in problem["detail"]
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    expired = forge(claims | {"exp": at - 1}, key)
    bearer = {"Authorization": f"Bearer {expired}"}
    for path in ("/ws-tickets", "/rooms"):
        assert_problem(await http.post(f"{API}{path}", headers=bearer, json={}), "token_expired")
    assert_problem(await http.get(f"{API}/auth/sessions", headers=bearer), "token_expired")
    own = f"{API}/auth/sessions/{ada.session}"
    assert_problem(await http.delete(own, headers=bearer), "token_expired")
    assert_ok(await ada.get("/users/me"))


async def test_an_expired_access_token_can_log_out_its_own_session_only(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], ada: Person, eve: Person
) -> None:
    past = int(datetime.now(UTC).timestamp()) - 3600

    async def log_out(**other: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {forge(claims | {'exp': past} | other, key)}"}
        return await http.post(f"{API}/auth/logout", headers=bearer)

    assert_ok(await log_out(sid=eve.session), 204)  # of another user: nothing
    assert_ok(await log_out(sid=str(uuid4())), 204)
    assert_ok(await eve.get("/users/me"))
    assert_ok(await ada.get("/users/me"))
    assert_ok(await log_out(), 204)
    assert_problem(await ada.get("/users/me"), "session_ended")
    assert_ok(await log_out(), 204)
    bad = {"Authorization": f"Bearer {forge(claims, b'another key' * 3)}"}
    assert_problem(await http.post(f"{API}/auth/logout", headers=bad), "unauthenticated")
    assert_problem(await http.post(f"{API}/auth/logout"), "unauthenticated")


async def test_the_session_of_an_access_token_must_belong_to_its_user(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], eve: Person
) -> None:
    for other in ({"sub": eve.id}, {"sid": eve.session}, {"sid": str(uuid4())}):
        assert_problem(await whoami(http, forge(claims | other, key)), "session_ended")


@pytest.mark.parametrize(
    "header",
    [
        *({"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"typ": "other"}),
        *({"kid": "../../x"}, {"jku": "https://evil.example"}, {"jwk": {"kty": "oct", "k": "AA"}}),
    ],
    ids=str,
)
async def test_access_token_headers_have_no_other_fields(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    await denied(http, forge(claims, key, **header))


async def test_access_tokens_of_the_previous_release_are_accepted(
    http: httpx.AsyncClient, key: bytes, claims: dict[str, Any]
) -> None:
    old = {"alg": "HS256", "typ": "JWT"}
    assert_ok(await whoami(http, sealed(compact(old), compact(claims), key)))


async def test_malformed_access_tokens_are_refused(http: httpx.AsyncClient, ada: Person) -> None:
    head, body, signature = ada.access.split(".")
    for token in (
        *("x", "a.b", "a.b.c", "...", f"{head}.{body}", f"{head}.{body}.", f"{head}..{signature}"),
        *(f"{ada.access}x", f"{ada.access}.{signature}", ada.access[:-2], "e30.e30.e30"),
        *("x" * 3000, b64(b"\xff" * 99) + ".e30.x", "W10.W10.x", "bnVsbA.bnVsbA.x"),
    ):
        await denied(http, token)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Token x"], ids=repr)
async def test_requests_without_a_bearer_token_are_refused(
    http: httpx.AsyncClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await http.get(f"{API}/users/me", headers=headers)
    assert_problem(answer, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="chat"'  # RFC 6750, 3.1


async def test_an_access_token_in_the_query_is_ignored(
    http: httpx.AsyncClient, ada: Person
) -> None:
    answer = await http.get(f"{API}/users/me", params={"access_token": ada.access})
    assert_problem(answer, "unauthenticated")
