"""Passwords that attackers try first are refused."""

import subprocess
import sys

import pytest

from app.core.password_policy import _load_common_passwords, check_password
from app.wire.errors import Invalid
from app.wire.user_and_room_names import normalized_name
from app.wire.validation import MIN_PASSWORD_CHARS

MAIN = "import sys, app.main; print([name for name in sys.modules if 'zxcvbn' in name])"


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PASSWORD", "Password1", "12345678", "qwertyuiop", "iloveyou", "trustno1"),
        *("ｐａｓｓｗｏｒｄ", " password", "password  ", "11111111", "1qaz2wsx", "sunshine"),
    ],
    ids=ascii,
)
def test_common_passwords_are_refused_in_any_spelling(password: str) -> None:
    with pytest.raises(Invalid, match="most common passwords") as refused:
        check_password(password, "new_password", "ada")
    assert [error["path"] for error in refused.value.errors] == ["new_password"]
    assert password not in refused.value.detail.replace("The password", "").replace("passwords", "")


@pytest.mark.parametrize(
    "password", ["aaaaaaaa", " " * 8, "abababababab", "ａaaaaaAA", "\u3000" * 9]
)
def test_passwords_of_one_or_two_characters_are_refused(password: str) -> None:
    with pytest.raises(Invalid, match="3 different characters"):
        check_password(password, "password", "ada")


@pytest.mark.parametrize(
    "password", ["ada.lovelace", "ADA.Lovelace", "ａｄａ.lovelace", "Countess Ada"]
)
def test_the_names_of_the_account_are_refused_as_password(password: str) -> None:
    with pytest.raises(Invalid, match="the name of the account"):
        check_password(password, "password", "ada.lovelace", "Countess Ada")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse",
        "correct horse battery",
        "battery staple",
        "ada.lovelace!",
        "ｘｙｚ" * 3,
        "éèê" * 3,
    ],
)
def test_other_passwords_are_accepted(password: str) -> None:
    check_password(password, "password", "ada.lovelace", "Ada")


def test_the_list_of_common_passwords_is_normalized_and_long_enough() -> None:
    common = _load_common_passwords()
    assert len(common) > 3000
    assert all(len(password) >= MIN_PASSWORD_CHARS for password in common)
    assert all(normalized_name(password) == password for password in common)
    assert "password" in common


def test_the_list_of_common_passwords_is_loaded_lazily() -> None:
    done = subprocess.run([sys.executable, "-c", MAIN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_the_list_of_common_passwords_is_read() -> None:
    _load_common_passwords()
    assert "zxcvbn" not in sys.modules
