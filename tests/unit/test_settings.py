"""Settings: their sources, and errors for invalid ones."""

import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.clock import now
from app.core.ids import new_id
from app.core.tokens import Claims, Tokens
from app.settings import PREFIX, ROOT, Settings, SettingsError, load_settings

KEY = "k" * 32


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without .env and `var`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_SERVER__DATA_DIR", str(tmp_path / "var"))
    return tmp_path


def test_no_setting_is_required(elsewhere: Path) -> None:
    settings = load_settings()
    assert settings.database.url == f"sqlite+aiosqlite:///{elsewhere / 'var' / 'chat.db'}"
    assert settings.database.is_sqlite
    assert settings.redis.url == ""


@pytest.mark.setting("CHAT_SERVER__DATA_DIR")
def test_the_generated_key_is_kept_and_private(elsewhere: Path) -> None:
    key = load_settings().auth.secret_key
    assert len(key) == 64
    assert load_settings().auth.secret_key == key
    mode = (elsewhere / "var" / "secret-key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "variables",
    [
        {"CHAT_SERVER__ENVIRONMENT": "production"},
        {"CHAT_DATABASE__URL": "mysql://chat:chat@127.0.0.1/chat"},
    ],
    ids=["production", "many processes"],
)
@pytest.mark.setting("CHAT_SERVER__ENVIRONMENT")
def test_no_secret_key_is_generated_outside_of_development(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="CHAT_AUTH__SECRET_KEY is not set"):
        load_settings()
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY", KEY)
    assert load_settings().auth.secret_key == KEY


def test_environment_variables_override_the_env_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text(
        "CHAT_SERVER__PORT=7000\nchat_limits__max_page_size=7\nOTHER=1\n"
    )
    assert load_settings().server.port == 7000
    assert load_settings().limits.max_page_size == 7
    monkeypatch.setenv("CHAT_SERVER__PORT", "7001")
    assert load_settings().server.port == 7001
    assert load_settings(server={"port": 7002}).server.port == 7002


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHAT_SERVER__PORT", "70000"),
        ("CHAT_SERVER__PORT", "http"),
        ("CHAT_SERVER__ENVIRONMENT", "staging"),
        ("CHAT_DATABASE__URL", "postgres://x"),
        ("CHAT_DATABASE__URL", "chat.db"),
        ("CHAT_REDIS__URL", "localhost:6379"),
        ("CHAT_AUTH__ACCESS_TOKEN_TTL_S", "1"),
        ("CHAT_LIMITS__TEXT_CHARS", "20000"),  # more than the column holds
        ("CHAT_REDIS__PREFIX", "a b"),
        *[
            ("CHAT_SERVER__ALLOWED_ORIGINS", value)
            for value in (
                *("chat.example.org", "https://", "https://chat.example.org/app", "null"),
                *("https://*.example.org", "https://a.example, *", "https://a.example:99999"),
                *(
                    "https://u@a.example",
                    "https://a.example?x",
                    "https://b\u00fccher.example",
                    "//a",
                ),
                *("https://a.example https://b.example", "https://a.example:x", "https:/a.example"),
            )
        ],
        *[
            ("CHAT_SERVER__TRUSTED_PROXIES", value)
            for value in (
                "*",
                "proxy",
                "10.0.0.1/8",
                "10.0.0.0/33",
                "::1/x",
                "10.0.0.1:80",
                "10.0.1",
            )
        ],
        ("CHAT_SERVER__PROXY_HEADER", "x-real-ip"),
        ("CHAT_SERVER__KEEP_ALIVE_S", "0"),
    ],
)
def test_an_invalid_setting_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        load_settings()


def test_all_invalid_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SERVER__PORT", "x")
    monkeypatch.setenv("CHAT_LIMITS__MAX_PAGE_SIZE", "0")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "CHAT_SERVER__PORT",
        "CHAT_LIMITS__MAX_PAGE_SIZE",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHAT_AUTH__SECRET_KEY", "too-short-SECRET"),
        ("CHAT_AUTH__SECRET_KEY_FALLBACKS", f"{KEY},too-short-SECRET"),
        ("CHAT_DATABASE__URL", "postgres://chat:SECRET@host/chat"),
        ("CHAT_REDIS__URL", "http://:SECRET@host"),
    ],
)
def test_an_error_does_not_repeat_a_secret(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "SECRET" not in str(caught.value).replace("SECRET_KEY", "")


@pytest.mark.parametrize(
    "key",
    [
        *(
            f'"{KEY}"',
            f"'{KEY}'",
            f'{{"a": "{KEY}"}}',
            f'["{KEY}"]',
            f'{{"kty":"oct","k":"{KEY}"}}',
        ),
        *(f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----", "9" * 40, "[" * 3000),
        *("0\x82\x01\n" + "\udcff\udc80" * 20, "ключ" * 8, "null" * 8, f"ssh-rsa {KEY}"),
    ],
    ids=lambda key: ascii(key[:20]),
)
def test_a_key_is_the_bytes_of_its_variable(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8, such as those of DER, are surrogates in the environment."""
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY", key)
    raw = os.environb[b"CHAT_AUTH__SECRET_KEY"]
    keys = load_settings().auth.keys
    assert keys == (raw,)
    claims, at = Claims(new_id(), new_id()), now()
    tokens = Tokens(keys, "chat")
    assert tokens.verify(tokens.sign(claims, at, at + timedelta(days=1))) == claims


def test_fallback_keys_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY", KEY)
    assert load_settings().auth.keys == (KEY.encode(),)
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY_FALLBACKS", f"{'a' * 32},{'b c' * 32},")
    assert load_settings().auth.keys == (KEY.encode(), b"a" * 32, b"b c" * 32)
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY_FALLBACKS", f"{'a' * 32}, {'b' * 32}")
    with pytest.raises(SettingsError, match=r"^CHAT_AUTH__SECRET_KEY_FALLBACKS: .*no spaces"):
        load_settings()


@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_misspelt_variable_is_an_error(
    where: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "environment":
        monkeypatch.setenv("CHAT_SERVER__PROT", "1")
    else:
        (elsewhere / ".env").write_text("CHAT_SERVER__PROT=1\n")
    with pytest.raises(SettingsError, match="CHAT_SERVER__PROT"):
        load_settings()


def test_tls_needs_certificate_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SERVER__TLS_KEY", "key.pem")
    with pytest.raises(SettingsError, match="go together"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("mysql://u:p@h:3306/d", "mysql+asyncmy://u:p@h:3306/d"),
        ("mariadb://h/d", "mysql+asyncmy://h/d"),
        ("mysql+asyncmy://h/d", "mysql+asyncmy://h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
    ],
)
def test_common_spellings_of_database_urls_are_accepted(url: str, meant: str) -> None:
    found = load_settings(database={"url": url}, auth={"secret_key": KEY})
    assert found.database.url == meant


def test_origins_are_a_list_with_commas() -> None:
    text = " https://A.example:443/ ,,http://b.example:080 "
    settings = load_settings(server={"allowed_origins": text})
    assert settings.server.origins == {"https://a.example", "http://b.example"}


def test_trusted_proxies_are_addresses_and_networks() -> None:
    settings = load_settings(server={"trusted_proxies": " 10.0.0.0/8 ,::1,, 192.0.2.7"})
    assert [str(p) for p in settings.server.proxies] == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]
    assert load_settings().server.proxies == []


def test_settings_are_immutable() -> None:
    settings: Any = load_settings()
    with pytest.raises(ValidationError):
        settings.server.port = 1
    with pytest.raises(ValidationError):
        settings.server = None


def test_the_example_names_every_variable_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text()
    lines = [line for line in example.splitlines() if line.startswith(f"#{PREFIX}")]
    written = dict(line[1:].split("=", 1) for line in lines)
    defaults = {
        f"{PREFIX}{group}__{name}".upper(): field.default
        for group, part in Settings.model_fields.items()
        for name, field in type(part.default).model_fields.items()
    }
    assert written.keys() == defaults.keys()
    for name, default in defaults.items():
        if isinstance(default, bool):
            assert written[name] == str(default).lower(), name
        elif isinstance(default, str | int | float):
            assert written[name] == str(default) or float(written[name]) == default, name


def test_drain_times_must_fit_into_the_shutdown_timeout() -> None:
    load_settings(server={"drain_spread_s": 5, "drain_grace_s": 2, "shutdown_timeout_s": 7})
    with pytest.raises(SettingsError, match="CHAT_SERVER__SHUTDOWN_TIMEOUT_S is less"):
        load_settings(server={"drain_spread_s": 5, "drain_grace_s": 2, "shutdown_timeout_s": 6})
