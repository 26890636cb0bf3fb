"""What responses have to look like, independently of the code that makes them."""

from typing import Any

import httpx

# docs/protocol.md: code, status, retry, and the title that RFC 9110 gives the status.
PROBLEMS = {
    "invalid": (422, "never", "Unprocessable Content"),
    "bad_request": (400, "never", "Bad Request"),
    "too_large": (413, "never", "Content Too Large"),
    "unauthenticated": (401, "never", "Unauthorized"),
    "token_expired": (401, "never", "Unauthorized"),
    "session_ended": (401, "never", "Unauthorized"),
    "invalid_request": (400, "never", "Bad Request"),
    "unsupported_grant_type": (400, "never", "Bad Request"),
    "invalid_grant": (400, "never", "Bad Request"),
    "forbidden": (403, "never", "Forbidden"),
    "not_found": (404, "never", "Not Found"),
    "method_not_allowed": (405, "never", "Method Not Allowed"),
    "unsupported_media_type": (415, "never", "Unsupported Media Type"),
    "upgrade_required": (426, "never", "Upgrade Required"),
    "username_taken": (409, "never", "Conflict"),
    "nonce_conflict": (409, "never", "Conflict"),
    "version_conflict": (409, "never", "Conflict"),
    "last_owner": (409, "never", "Conflict"),
    "room_archived": (409, "never", "Conflict"),
    "too_many": (409, "never", "Conflict"),
    "not_pending": (409, "never", "Conflict"),
    "filtered": (422, "never", "Unprocessable Content"),
    "rate_limited": (429, "after", "Too Many Requests"),
    "busy": (503, "after", "Service Unavailable"),
    "unknown_outcome": (503, "now", "Service Unavailable"),
    "internal": (500, "after", "Internal Server Error"),
}


def assert_ok(response: httpx.Response, status: int = 200) -> Any:
    """The body of a successful response."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:1000]}"
    if status == 204:
        assert response.content == b""
        return None
    assert response.headers["content-type"] == "application/json"
    return response.json()


def assert_problem(response: httpx.Response, code: str, *paths: str) -> dict[str, Any]:
    """A complete problem. `paths` are all invalid values that it has to name."""
    assert response.headers.get("content-type") == "application/problem+json", response.text[:1000]
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code, problem
    status, retry, title = PROBLEMS[code]
    assert (response.status_code, problem["status"]) == (status, status)
    assert (problem["retry"], problem["title"], problem["type"]) == (retry, title, "about:blank")
    assert problem["detail"].endswith((".", "?"))
    assert problem["request_id"] == response.headers["x-request-id"]
    assert ("www-authenticate" in response.headers) == (status == 401)
    if status == 401:  # RFC 6750, 3.1
        realm, *said = response.headers["www-authenticate"].split(", ", 2)
        assert realm == 'Bearer realm="chat"'
        description = f'error_description="{problem["detail"]}"'
        assert said in ([], ['error="invalid_token"', description])
    if retry == "after":
        assert problem["retry_after_ms"] > 0
        seconds = int(response.headers["retry-after"])
        assert seconds * 1000 >= problem["retry_after_ms"] > (seconds - 1) * 1000
    else:
        assert "retry_after_ms" not in problem
        assert "retry-after" not in response.headers
    if paths:
        assert tuple(error["path"] for error in problem["errors"]) == paths
    return problem


def are_indistinguishable(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether a client cannot tell the two responses apart."""
    varying = {"x-request-id", "date"}
    parts = [
        (
            answer.status_code,
            {k: v for k, v in answer.headers.items() if k not in varying},
            answer.json() | {"request_id": None},
        )
        for answer in (one, other)
    ]
    return parts[0] == parts[1]
