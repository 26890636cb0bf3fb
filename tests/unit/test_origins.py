import pytest

from app.core.origins import is_same_origin


@pytest.mark.parametrize(
    ("origin", "host", "secure", "allowed"),
    [
        ("https://a.example", "a.example", True, True),
        ("https://a.example", "a.example:443", False, True),
        ("http://a.example", "a.example", False, True),
        ("http://a.example", "a.example", True, False),
        ("https://b.example", "a.example", True, False),
        ("https://a.example", "a.example:no-port", True, False),
        ("null", "a.example", False, False),
    ],
)
def test_same_origin_compares_scheme_host_and_port(
    origin: str, host: str, secure: bool, allowed: bool
) -> None:
    assert is_same_origin(origin, host, secure=secure) is allowed
