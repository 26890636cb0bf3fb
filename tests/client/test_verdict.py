import pytest

from app.client.close_policy import Dropped, Verdict, of_close
from app.client.errors import Refused
from app.client.http import refusal
from app.wire.close_codes import CloseCode
from app.wire.errors import Retry


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *((code, Verdict.RESUME) for code in (1000, 1001, 1006, 1011, 1012, 1013)),
        *((code, Verdict.RESUME) for code in (4000, 4001, 4008, 4013, 4014, 4029, 4099)),
        *((code, Verdict.RESTART) for code in (4100, 4199)),
        *((code, Verdict.RENEW) for code in (4401, 4402)),
        *((code, Verdict.STOP) for code in (4400, 4403, 4409, 4426, 4499)),
    ],
)
def test_the_range_is_the_verdict(code: int, verdict: Verdict) -> None:
    assert of_close(code) is verdict


def test_every_code_of_the_server_is_in_a_range() -> None:
    assert {of_close(code) for code in CloseCode} == {Verdict.RESUME, Verdict.RENEW, Verdict.STOP}


PROBLEM = b'{"code":"%s","detail":"No.","retry":"%s"%s}'


@pytest.mark.parametrize(
    ("status", "body", "header", "verdict", "wait_s"),
    [
        (429, PROBLEM % (b"rate_limited", b"after", b""), "7", Verdict.RESUME, 7),
        (503, PROBLEM % (b"busy", b"after", b',"retry_after_ms":250'), "1", Verdict.RESUME, 0.25),
        (503, b"<html>proxy</html>", "12", Verdict.RESUME, 12),
        (502, b"", None, Verdict.RESUME, 1),
        (503, b"", "Wed, 21 Oct 2015 07:28:00 GMT", Verdict.RESUME, 1),
        (403, PROBLEM % (b"forbidden", b"never", b""), None, Verdict.STOP, 0),
        (400, PROBLEM % (b"invalid", b"never", b""), None, Verdict.STOP, 0),
        (404, b"<html>", None, Verdict.STOP, 0),
        (418, PROBLEM % (b"of_tomorrow", b"now", b""), None, Verdict.RESUME, 0),
    ],
)
def test_a_refused_handshake(
    status: int, body: bytes, header: str | None, verdict: Verdict, wait_s: float
) -> None:
    dropped = Dropped.by_refusal(refusal(status, body, header))
    assert (dropped.verdict, dropped.wait_s) == (verdict, wait_s)


def test_what_retry_means() -> None:
    assert Refused("invalid", "No.").final
    assert Refused("unknown_outcome", "?", retry=Retry.NOW).wait_s == 0
    assert Refused("busy", "?", retry=Retry.AFTER, retry_after_ms=1800).wait_s == 1.8
    assert Refused("busy", "?", retry=Retry.AFTER).wait_s == 1
