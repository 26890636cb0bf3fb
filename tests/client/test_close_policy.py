import pytest

from app.client.close_policy import ConnectionLost, ReconnectAction, for_close_code
from app.client.errors import RequestRejected
from app.client.http import refusal
from app.wire.close_codes import CloseCode
from app.wire.errors import Retry


@pytest.mark.parametrize(
    ("code", "action"),
    [
        *((code, ReconnectAction.RESUME) for code in (1000, 1001, 1006, 1011, 1012, 1013)),
        *((code, ReconnectAction.RESUME) for code in (4000, 4001, 4008, 4013, 4014, 4029, 4099)),
        *((code, ReconnectAction.RESUME) for code in (4100, 4199, 4500)),
        *((code, ReconnectAction.RENEW) for code in (4401, 4402)),
        *((code, ReconnectAction.STOP) for code in (4400, 4403, 4409, 4426, 4499)),
    ],
)
def test_the_range_of_a_close_code_decides_whether_to_reconnect(
    code: int, action: ReconnectAction
) -> None:
    assert for_close_code(code) is action


def test_the_close_codes_of_the_server_cover_every_action() -> None:
    assert {for_close_code(code) for code in CloseCode} == {
        ReconnectAction.RESUME,
        ReconnectAction.RENEW,
        ReconnectAction.STOP,
    }


PROBLEM = b'{"code":"%s","detail":"No.","retry":"%s"%s}'


@pytest.mark.parametrize(
    ("status", "body", "header", "action", "wait_s"),
    [
        (429, PROBLEM % (b"rate_limited", b"after", b""), "7", ReconnectAction.RESUME, 7),
        (
            503,
            PROBLEM % (b"busy", b"after", b',"retry_after_ms":250'),
            "1",
            ReconnectAction.RESUME,
            0.25,
        ),
        (503, b"<html>proxy</html>", "12", ReconnectAction.RESUME, 12),
        (502, b"", None, ReconnectAction.RESUME, 1),
        (503, b"", "Wed, 21 Oct 2015 07:28:00 GMT", ReconnectAction.RESUME, 1),
        (403, PROBLEM % (b"forbidden", b"never", b""), None, ReconnectAction.STOP, 0),
        (400, PROBLEM % (b"invalid", b"never", b""), None, ReconnectAction.STOP, 0),
        (404, b"<html>", None, ReconnectAction.STOP, 0),
        (418, PROBLEM % (b"of_tomorrow", b"now", b""), None, ReconnectAction.RESUME, 0),
    ],
)
def test_a_rejected_handshake_is_retried_if_the_server_says_so(
    status: int, body: bytes, header: str | None, action: ReconnectAction, wait_s: float
) -> None:
    lost = ConnectionLost.from_rejection(refusal(status, body, header))
    assert (lost.action, lost.wait_s) == (action, wait_s)


def test_retry_says_when_to_repeat_a_rejected_request() -> None:
    assert RequestRejected("invalid", "No.").is_final
    assert RequestRejected("unknown_outcome", "?", retry=Retry.NOW).wait_s == 0
    assert RequestRejected("busy", "?", retry=Retry.AFTER, retry_after_ms=1800).wait_s == 1.8
    assert RequestRejected("busy", "?", retry=Retry.AFTER).wait_s == 1
