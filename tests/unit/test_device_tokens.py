"""Device tokens: signed, and bound to one username."""

import pytest

from app.core.device_tokens import DeviceTokens

DEVICES = DeviceTokens([b"k" * 32])


def test_a_device_token_identifies_its_device() -> None:
    one, two = DEVICES.issue("ada"), DEVICES.issue("ada")
    assert DEVICES.identify("ada", one)
    assert DEVICES.identify("ada", one) == DeviceTokens([b"k" * 32]).identify("ada", one)
    assert DEVICES.identify("ada", one) != DEVICES.identify("ada", two)
    assert len(one) <= 200


def test_a_device_token_is_valid_only_for_its_account_and_server() -> None:
    token = DEVICES.issue("ada")
    assert DEVICES.identify("bob", token) is None
    assert DeviceTokens([b"x" * 32]).identify("ada", token) is None


@pytest.mark.parametrize(
    "token", ["", "A", "AAAA", "AQ" * 30, "é" * 40, "=" * 200, "\ud800", "-_" * 20]
)
def test_other_texts_are_no_device_tokens(token: str) -> None:
    assert DEVICES.identify("ada", token) is None


def test_a_changed_device_token_is_invalid() -> None:
    token = DEVICES.issue("ada")
    for place in range(len(token) - 1):
        for other in ("A", "b"):
            changed = token[:place] + other + token[place + 1 :]
            assert changed == token or DEVICES.identify("ada", changed) is None


def test_device_tokens_survive_key_rotation() -> None:
    token = DEVICES.issue("ada")
    replaced = DeviceTokens([b"x" * 32, b"k" * 32])
    assert replaced.identify("ada", token) == DEVICES.identify("ada", token)
    assert DEVICES.identify("ada", replaced.issue("ada")) is None
