"""An invalid setting is one line that names it, with exit code 1, and no traceback or secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn
from cryptography.hazmat.primitives import serialization
from sqlalchemy import make_url
from typer.testing import CliRunner

from app import cli
from app.settings import SettingsError, load_settings
from tests.settings import all_settings

KEY = "k" * 32
CLUSTER = {"CHAT_DATABASE__URL": "mysql://chat:SECRET@127.0.0.1:1/chat"}
PAIR = {"CHAT_SERVER__TLS_CERTIFICATE": "cert.pem", "CHAT_SERVER__TLS_KEY": "key.pem"}
# Value after value of one variable; what {file} stands for is made by the fixture `place`.
VALUES = {
    "CHAT_DATABASE__URL": [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:chat.db", "sqlite://chat.db"),
        *("sqlite:///folder", "sqlite:////dev/null/chat.db", "sqlite:////proc/chat.db"),
        *("sqlite:///x.db?mode=ro", "sqlite:///file:x?uri=true", "sqlite://SECRET@/x.db"),
        *("chat.db", "/var/chat.db", "postgres://SECRET@h/chat", "mysql:/SECRET@h/chat", "mysql"),
        *("mysql://", "mysql://h", "mysql://h/", "mysql:///chat", "mysql://chat:SECRET@/chat"),
        *("mysql://h1:1,h2:2/x", "mysql://h1,h2/x", "mysql://h:port/x", "mysql://h:/x"),
        *("mysql://h:0/x", "mysql://h:70000/x", "mysql://h:-1/x", "mysql://h h/x", "mysql://h/x/y"),
        *("mysql://u:SECRET@h/x?init_command=SELECT+1", "mysql://h/x?charset=utf8"),
        *("mysql://u:SEC@RET@h/x", "mysql://u:%2@h", "mysql://u:SEC/RET@h/x"),
        *("mysql://u:SEC?RET@h/x", "mysql://u:SEC#RET@h/x", "sqlite:///missing/folder/x.db"),
        *("mysql://h/x?ssl=true", "mysql://u:SECRET@h", "mysql://[::1/x", "sqlite:///key.pem/x"),
    ],
    "CHAT_REDIS__URL": [
        *("redis://", "redis:///0", "redis://h:port/0", "redis://h/chat", "redis://h/-1"),
        *(
            "redis://h/0/1",
            "redis://h:70000",
            "redis://h1,h2/0",
            "redis://[::1/0",
            "localhost:6379",
        ),
        *("redis://:SEC/RET@h/0", "redis://:SEC#RET@h/0", "redis://:SEC?RET@h/0", "redis://h/0#1"),
        *("redis://h?socket_timeout=9", "redis://h?protocol=3", "redis://h?nonsense=1"),
        *("redis://h?ssl_ca_certs=x", "rediss://h?ssl_ca_certs=missing.pem"),
        *("rediss://h?ssl_cert_reqs=maybe", "rediss://h?ssl_nonsense=1", "unix://", "unix:///"),
        *("unix:///s?db=x", "http://:SECRET@h"),
    ],
    "CHAT_SERVER__PORT": [
        *("nan", "inf", "-1", "70000", "8_000", "8000.5", "http", "0x50", "1e3", "٨٠٠٠x"),
    ],
    "CHAT_SERVER__DRAIN_SPREAD_S": [
        "nan",
        "inf",
        "-inf",
        "1e999",
        "-1",
        "1_0",
        "ten",
        "1e10",
        "10s",
    ],
    "CHAT_SERVER__WORKERS": ["0", "257", "2", "two"],
    "CHAT_SERVER__ENVIRONMENT": ["staging", "Production", "production "],
    "CHAT_SERVER__LOG_LEVEL": ["DEBUG", "trace"],
    "CHAT_SERVER__MAX_BODY_BYTES": ["10", "1" + "0" * 400, "1024", "256k"],
    "CHAT_DATABASE__TLS_CA": ["missing.pem", "folder", "text", "key.pem", "binary", "empty"],
    "CHAT_DATABASE__GROUP_COMMIT": ["ture", "2", "nein", "tru e"],
    "CHAT_DATABASE__MULTI_STATEMENTS": ["maybe"],
    "CHAT_DATABASE__POOL_SIZE": ["0", "1001", "1_0"],
    "CHAT_DATABASE__STATEMENT_TIMEOUT_S": ["0", "86401", "nan"],
    "CHAT_REDIS__PREFIX": ["a b", "a:b", "a" * 33, "ä"],
    "CHAT_AUTH__SECRET_KEY": ["short-SECRET", f" {KEY}", f"{KEY}\t", " " * 40],
    "CHAT_AUTH__ARGON2_MEMORY_KIB": ["7", "2147483647", "4294967296", "64M"],
    "CHAT_AUTH__ACCESS_TOKEN_TTL_S": ["9", "2592001", "1e2"],
    "CHAT_METRICS__TOKEN": ["short-SECRET", "SECRET-ä-and-long-enough"],
    "CHAT_CONSUMERS__LEASE_TTL_S": ["0", "3601", "1.5"],
    "CHAT_REALTIME__PING_INTERVAL_S": ["0", "46", "inf"],
    "CHAT_REALTIME__BADGE_INTERVAL_MS": ["5001", "9"],
    "CHAT_LIMITS__HELLO_BYTES": ["1023", "16383"],
    "CHAT_LIMITS__FRAME_BYTES": ["1024", "65537"],
    "CHAT_LIMITS__TEXT_CHARS": ["0", "16001", "4001"],
    "CHAT_LIMITS__JSON_DEPTH": ["3", "201"],
    "CHAT_LIMITS__MAX_PAGE_SIZE": ["0", "1001"],
    "CHAT_LIMITS__MAX_MEMBERS_PER_REQUEST": ["0", "1001"],
    "CHAT_LIMITS__CATCHUP_EVENTS_PER_REQUEST": ["99"],
    "CHAT_LIMITS__SEND_BUFFER_BYTES": ["65535"],
    "CHAT_LIMITS__FRAMES_PER_MINUTE": ["0", "1e308"],
    "CHAT_LIMITS__FRAMES_BURST": ["9" * 400],
    "CHAT_SERVER__PROT": ["1"],
    "CHAT_SERVER": ['{"port": 1}'],
}
TOGETHER: list[dict[str, str]] = [
    {"CHAT_SERVER__TLS_CERTIFICATE": "cert.pem"},
    {"CHAT_SERVER__TLS_KEY": "key.pem"},
    PAIR | {"CHAT_SERVER__TLS_KEY": "missing.pem"},
    PAIR | {"CHAT_SERVER__TLS_KEY": "folder"},
    PAIR | {"CHAT_SERVER__TLS_KEY": "text"},
    PAIR | {"CHAT_SERVER__TLS_KEY": "encrypted.pem"},
    PAIR | {"CHAT_SERVER__TLS_KEY": "other-key.pem"},
    PAIR | {"CHAT_SERVER__TLS_CERTIFICATE": "key.pem"},
    PAIR | {"CHAT_SERVER__TLS_CERTIFICATE": "binary"},
    {"CHAT_SERVER__DRAIN_SPREAD_S": "29", "CHAT_SERVER__SHUTDOWN_TIMEOUT_S": "30"},
    {"CHAT_REALTIME__PING_INTERVAL_S": "10", "CHAT_REALTIME__IDLE_TIMEOUT_S": "9"},
    {
        "CHAT_LIMITS__CATCHUP_EVENTS_PER_ROOM": "200",
        "CHAT_LIMITS__CATCHUP_EVENTS_PER_REQUEST": "100",
    },
    {"CHAT_AUTH__ARGON2_MEMORY_KIB": "1048576", "CHAT_AUTH__ARGON2_WORKERS": "100000"},
    {"CHAT_SERVER__WORKERS": "2", "CHAT_REDIS__URL": "redis://127.0.0.1:1/0"},
    {"CHAT_SERVER__WORKERS": "2"} | CLUSTER,
    {"CHAT_SERVER__ENVIRONMENT": "production", "CHAT_AUTH__SECRET_KEY": ""},
    {"CHAT_AUTH__SECRET_KEY": ""} | CLUSTER,
    {"CHAT_AUTH__SECRET_KEY": "", "CHAT_SERVER__DATA_DIR": "emptied"},
    {"CHAT_AUTH__SECRET_KEY": "", "CHAT_SERVER__DATA_DIR": "keyless"},
    {"CHAT_AUTH__SECRET_KEY": "", "CHAT_SERVER__DATA_DIR": "garbled"},
    {"CHAT_SERVER__DATA_DIR": "text"},
    {"CHAT_SERVER__DATA_DIR": "text/below"},
    {"CHAT_SERVER__DATA_DIR": "/proc/chat"},
    {"CHAT_SERVER__DATA_DIR": "/dev/null"},
    {
        "CHAT_AUTH__SECRET_KEY": "",
        "CHAT_DATABASE__URL": "sqlite:///x.db",
        "CHAT_SERVER__DATA_DIR": "text",
    },
]
CASES = [{name: value} for name, values in VALUES.items() for value in values] + TOGETHER


class Started(Exception):
    """The settings were accepted."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of all kinds and a key, so that nothing else is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_AUTH__SECRET_KEY", KEY)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("This is a letter. " * 100)
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "empty").touch()
    for folder, key in (("emptied", b""), ("keyless", b"cut off"), ("garbled", b"\xff" * 64)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "secret-key").write_bytes(key)
    return tmp_path


@pytest.fixture(scope="module")
def pems() -> dict[str, bytes]:
    authority = trustme.CA()
    mine, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    return {
        "cert.pem": mine.cert_chain_pems[0].bytes(),
        "key.pem": mine.private_key_pem.bytes(),
        "other-key.pem": other.private_key_pem.bytes(),
        "encrypted.pem": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"SECRET"),
        ),
    }


@pytest.fixture
def start(
    place: Path, pems: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Run `python -m app` in this process until it would listen. Returns its exit code and
    output."""

    def listen(*_: object) -> None:
        raise Started

    monkeypatch.setattr(uvicorn.Server, "run", listen)
    monkeypatch.setattr("app.server.supervisor.Supervisor.run", listen)
    for module in ("uvicorn_server", "supervisor"):  # it is for the whole process
        monkeypatch.setattr(f"app.server.{module}.configure_logs", lambda _: None)
    for name, pem in pems.items():
        (place / name).write_bytes(pem)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, words or ("serve",))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stderr

    return run


def expect_one_sentence(code: int, said: str, *names: str) -> None:
    assert code == 1, said
    (line,) = said.splitlines()
    assert line.startswith("error: ")
    for name in names:
        assert name in line
    assert "SECRET" not in line.replace("SECRET_KEY", "")


@pytest.mark.parametrize("variables", CASES, ids=lambda case: ascii(case)[:80])
def test_an_invalid_setting_is_a_one_line_error(
    variables: dict[str, str], start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, said = start()
    expect_one_sentence(code, said)
    assert any(name in said for name in variables)


@pytest.mark.parametrize("folder", ["/proc", "/proc/chat", "text", "/dev/null"])
def test_an_unwritable_data_dir_is_named_and_the_database_url_is_not(
    folder: str, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_SERVER__DATA_DIR", folder)
    code, stderr = start()
    expect_one_sentence(code, stderr, "CHAT_SERVER__DATA_DIR")
    assert "DATABASE__URL" not in stderr


def test_a_missing_folder_of_the_sqlite_file_is_not_created(
    start: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_DATABASE__URL", "sqlite:///missing/folder/x.db")
    expect_one_sentence(
        *start(), "CHAT_DATABASE__URL", f"{place / 'missing/folder'} does not exist"
    )
    assert not (place / "missing").exists()


def test_each_of_several_invalid_settings_has_an_error_line(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = ("CHAT_SERVER__PORT", "CHAT_LIMITS__MAX_PAGE_SIZE", "CHAT_REDIS__TIMEOUT_S")
    for variable in wrong:
        monkeypatch.setenv(variable, "-1")
    code, stderr = start()
    assert code == 1
    lines = stderr.splitlines()
    assert len(lines) == len(wrong)
    for variable in wrong:
        assert sum(line.startswith(f"error: {variable}: ") for line in lines) == 1


def test_more_than_a_hundred_invalid_settings_are_tested() -> None:
    assert len(CASES) > 150


@pytest.mark.parametrize(
    "variables",
    [
        {},
        PAIR,
        {"CHAT_SERVER__PORT": " 80 "},
        {"CHAT_SERVER__PORT": ""},
        {"CHAT_DATABASE__URL": "mysql://chat:a%2Fb%3Fc%23d%e:f@h/chat"},
        {"CHAT_DATABASE__URL": "mysql://chat:%2F@[::1]:3307/chat"},
        {"CHAT_DATABASE__URL": "mariadb://h.example/chat?unix_socket=/run/mysqld/mysqld.sock"},
        {"CHAT_DATABASE__URL": "sqlite:///folder/chat.db"},
        {"CHAT_SERVER__DATA_DIR": "new/folder"},
        {"CHAT_REDIS__URL": "redis://:a%2Fb@c@h:7/15"},
        {"CHAT_REDIS__URL": "rediss://h?ssl_ca_certs=cert.pem"},
        {"CHAT_REDIS__URL": "unix:///run/redis.sock?db=1"},
        {"CHAT_DATABASE__GROUP_COMMIT": "No", "CHAT_SERVER__DRAIN_SPREAD_S": "1e0"},
        {"CHAT_DATABASE__TLS_CA": "cert.pem"},
    ],
    ids=lambda case: ascii(case)[:80],
)
def test_an_unusual_but_valid_setting_is_accepted(
    variables: dict[str, str], start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Started):
        start()


def test_a_database_password_may_contain_any_character() -> None:
    given = load_settings(
        database={"url": "mysql://chat:a%2Fb%3Fc%23d%40e:f@h/chat"}, auth={"secret_key": KEY}
    )
    assert make_url(given.database.url).password == "a/b?c#d@e:f"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "Is a directory"),
        (b"CHAT_SERVER__PORT=1\nCHAT_AUTH__ISSUER=\xff\n", "not UTF-8"),
        ("CHAT_SERVER__PORT=1\n".encode("utf-16"), "not UTF-8"),
        (b"CHAT_SERVER__PORT=1\nCHAT_SERVER__HOST 0.0.0.0\n", "line 2: must be NAME=value"),
        (b"CHAT_SERVER__PORT\n", "line 1: must be NAME=value"),
        (b"# \n\n<<<<<<< HEAD\n", "line 3: must be NAME=value"),
        (b"CHAT_SERVER__PORT='1\n", "line 1: must be NAME=value"),
        (b"export CHAT_SERVER__PROT=1\n", "CHAT_SERVER__PROT (in .env)"),
        (b"CHAT_SERVER__PORT=nan\n", "CHAT_SERVER__PORT"),
        (b"\xef\xbb\xbfCHAT_SERVER__PORT=nan\n", "CHAT_SERVER__PORT"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_the_env_file_is_read_strictly(
    content: bytes | None, says: str, start: Any, place: Path
) -> None:
    if content is None:
        (place / ".env").mkdir()
    else:
        (place / ".env").write_bytes(content)
    expect_one_sentence(*start(), says, ".env" if "CHAT" not in says else "")


@pytest.mark.parametrize(
    "words",
    ["serve", "migrate", "check", "create-admin x --password-stdin", "ban x", "import gitter x"],
    ids=lambda words: words.split()[0],
)
def test_every_command_reports_an_invalid_setting_the_same_way(
    words: str, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_DATABASE__URL", "mysql://chat:SEC/RET@h:port/x")
    expect_one_sentence(*start(*words.split()), "CHAT_DATABASE__URL")


@pytest.mark.parametrize(
    "value", ["", " ", "[1]", '{"a": 1}', "\x7f", "-1", "1e400", "9" * 5000, "✗"], ids=ascii
)
def test_every_setting_accepts_a_value_or_is_named(
    value: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No value of any setting raises anything but a SettingsError."""
    for variable in all_settings():
        with monkeypatch.context() as environment:
            environment.setenv(variable, value)
            assert variable in (_complaint() or variable)


def _complaint() -> str | None:
    try:
        load_settings()
    except SettingsError as error:
        return str(error)
    return None
