"""Settings: frozen groups, from the environment and `.env`, checked before anything starts.

A variable is `CHAT_<GROUP>__<NAME>`, such as CHAT_DATABASE__URL. `.env.example` lists them all.
"""

import os
import ssl
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.connection_urls import SQLITE, check_redis_url, check_sqlite_file, read_database_url
from app.core.origins import parse_origins
from app.core.tokens import MIN_KEY_BYTES
from app.env_file import ENCODING, read_error, read_names
from app.key_file import read_or_make_key
from app.limit_settings import Limits
from app.setting_group import Group
from app.setting_rules import find_conflicts

_CHECKOUT = Path(__file__).resolve().parent.parent
# The parent of `var`: the checkout, or, for an installed program, the current directory.
ROOT = _CHECKOUT if (_CHECKOUT / "alembic.ini").exists() else Path.cwd()
PREFIX = "CHAT_"
ENV_FILE = ".env"


class SettingsError(Exception):
    """One line for each wrong variable; printed without a traceback."""


def _split_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _encode_key(value: str) -> bytes:
    """The bytes of the environment variable, which need not be UTF-8."""
    return value.encode(errors="surrogateescape")


class Server(Group):
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    environment: Literal["development", "production"] = "development"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    allowed_origins: str = ""
    trusted_proxies: str = ""
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    data_dir: Path = ROOT / "var"
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_body_bytes: int = Field(256 * 1024, ge=1024)
    workers: int = Field(1, ge=1, le=256)
    drain_spread_s: float = Field(20.0, ge=0)
    drain_grace_s: float = Field(2.0, ge=0)
    shutdown_timeout_s: float = Field(30.0, gt=0)
    header_timeout_s: float = Field(10.0, gt=0)
    body_timeout_s: float = Field(60.0, gt=0)
    write_timeout_s: float = Field(60.0, gt=0)
    keep_alive_s: float = Field(75.0, gt=0)

    @field_validator("allowed_origins")
    @classmethod
    def normalize_origins(cls, text: str) -> str:
        return ",".join(sorted(parse_origins(text)))

    @field_validator("trusted_proxies")
    @classmethod
    def normalize_networks(cls, text: str) -> str:
        try:
            return ",".join(str(ip_network(part)) for part in _split_list(text))
        except ValueError as error:
            raise ValueError(
                f"{error}; addresses and networks with commas, such as 10.0.0.0/8, ::1"
            ) from None

    @property
    def origins(self) -> frozenset[str]:
        return parse_origins(self.allowed_origins)

    @property
    def proxies(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(part) for part in self.trusted_proxies.split(",") if part]

    @model_validator(mode="after")
    def check_tls_pair(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(
                f"{PREFIX}SERVER__TLS_CERTIFICATE and {PREFIX}SERVER__TLS_KEY go together: "
                "set both or none"
            )
        return self


class Database(Group):
    url: str = ""
    pool_size: int = Field(20, ge=1, le=1000)
    pool_timeout_s: float = Field(5.0, gt=0)
    pool_recycle_s: int = Field(1800, gt=0)
    statement_timeout_s: float = Field(30.0, gt=0, le=86400)  # MySQL: 32 bits of milliseconds
    tls_ca: Path | None = None
    max_attempts: int = Field(8, ge=1, le=100)
    group_commit: bool = True
    multi_statements: bool = True
    retention_interval_s: float = Field(2.0, gt=0, le=86400)
    audit_log_days: int = Field(0, ge=0, le=36_500)

    @field_validator("url")
    @classmethod
    def normalize_url(cls, url: str) -> str:
        return read_database_url(url) if url else url

    @field_validator("tls_ca")
    @classmethod
    def check_ca_file(cls, file: Path | None) -> Path | None:
        if file is not None:
            try:
                ssl.create_default_context(cafile=str(file))
            except OSError as error:
                raise ValueError(f"is no PEM file that can be read: {read_error(error)}") from None
        return file

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith(SQLITE)


class Redis(Group):
    url: str = ""
    partitions: int = Field(128, ge=1, le=4096)
    prefix: str = Field("chat", pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    timeout_s: float = Field(2.0, gt=0)

    @field_validator("url")
    @classmethod
    def check_url(cls, url: str) -> str:
        if url:
            check_redis_url(url)
        return url


class Auth(Group):
    secret_key: str = ""
    secret_key_fallbacks: str = ""
    issuer: str = "chat"
    access_token_ttl_s: int = Field(900, ge=10)
    refresh_token_ttl_s: int = Field(30 * 86400, ge=60)
    refresh_reuse_grace_s: int = Field(20, ge=0, le=60)
    ticket_ttl_s: int = Field(45, ge=5, le=300)
    registration: Literal["open", "closed"] = "open"
    argon2_workers: int = Field(2, ge=1)
    argon2_queue_size: int = Field(64, ge=0)
    argon2_memory_kib: int = Field(65536, ge=8)
    argon2_queue_timeout_s: float = Field(10.0, gt=0)
    attempts_per_minute: float = Field(30.0, gt=0)
    attempts_burst: int = Field(20, ge=1)
    account_attempts_per_minute: float = Field(2.0, gt=0)
    account_attempts_burst: int = Field(20, ge=1)
    registrations_per_hour: float = Field(60.0, gt=0)
    registrations_burst: int = Field(20, ge=1)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The signing key first, then the keys that are only accepted."""
        return tuple(map(_encode_key, (self.secret_key, *_split_list(self.secret_key_fallbacks))))

    @field_validator("secret_key")
    @classmethod
    def check_key(cls, key: str) -> str:
        if key and len(_encode_key(key)) < MIN_KEY_BYTES:
            raise ValueError(
                f"must have at least {MIN_KEY_BYTES} bytes; make one with: openssl rand -hex 32"
            )
        if key != key.strip():
            raise ValueError("must not begin or end with white space")
        return key

    @field_validator("secret_key_fallbacks")
    @classmethod
    def check_fallback_keys(cls, keys: str) -> str:
        for key in filter(None, keys.split(",")):
            if len(_encode_key(key)) < MIN_KEY_BYTES or key != key.strip():
                raise ValueError(
                    f"must be keys of at least {MIN_KEY_BYTES} bytes with commas between them and "
                    "no spaces around them; a key that has a comma itself cannot stand here"
                )
        return keys


Directory = Literal["everybody", "shared_rooms", "exact_name", "none"]


class Users(Group):
    directory: Directory = "everybody"


class Realtime(Group):
    hello_timeout_s: float = Field(5.0, gt=0)
    ping_interval_s: float = Field(25.0, gt=0)
    idle_timeout_s: float = Field(45.0, gt=0)
    gap_repair_delay_ms: int = Field(100, ge=0)
    change_poll_interval_ms: int = Field(2000, ge=100)
    change_poll_interval_degraded_ms: int = Field(300, ge=50)
    badge_interval_ms: int = Field(500, ge=10)
    badge_interval_large_ms: int = Field(5000, ge=10)
    session_check_interval_s: float = Field(10.0, gt=0)
    max_send_delay_s: float = Field(15.0, gt=0)
    send_stall_timeout_s: float = Field(10.0, gt=0)
    presence_ttl_s: float = Field(30.0, ge=2)
    presence_grace_s: float = Field(30.0, ge=0)
    coalesce_writes: bool = True


class Consumers(Group):
    enabled: bool = True
    compare_interval_s: float = Field(30.0, gt=0)
    lease_ttl_s: int = Field(15, ge=1, le=3600)


class Scheduling(Group):
    interval_ms: int = Field(1000, ge=50)


class Web(Group):
    enabled: bool = True


class Metrics(Group):
    token: str = Field("", pattern=r"^([!-~]{16,})?$")  # a secret of at least 16 characters


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    server: Server = Server()
    database: Database = Database()
    redis: Redis = Redis()
    auth: Auth = Auth()
    users: Users = Users()
    realtime: Realtime = Realtime()
    consumers: Consumers = Consumers()
    scheduling: Scheduling = Scheduling()
    web: Web = Web()
    metrics: Metrics = Metrics()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def check_conflicts(self) -> Self:
        if conflicts := find_conflicts(PREFIX, self._get_number):
            raise ValueError("\n".join(conflicts))
        return self

    def _get_number(self, variable: str) -> float:
        group, name = variable.lower().split("__")
        return float(getattr(getattr(self, group), name))


def load_settings(**overrides: Any) -> Settings:
    """Settings from `overrides`, then the environment, then `.env`, then the defaults.

    By default the database is a SQLite file, and the signing key is generated; both are kept in
    `server.data_dir`. Raises SettingsError, with one line for each wrong variable.
    """
    _reject_unknown_variables()
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_describe_error, error.errors()))) from None
    if not settings.database.url:
        settings = override(settings, "database", url=_default_database_url(settings))
    elif settings.database.is_sqlite:
        _check_sqlite_file(settings)
    if not settings.auth.secret_key:
        settings = override(settings, "auth", secret_key=_read_or_generate_key(settings))
    return settings


def override(settings: Settings, group: str, **values: Any) -> Settings:
    """A copy with other values in one group. The values are not validated."""
    return settings.model_copy(update={group: getattr(settings, group).model_copy(update=values)})


def _read_or_generate_key(settings: Settings) -> str:
    """The key is kept in `secret-key`, so that a restart does not end the logins."""
    if settings.server.environment == "production" or not settings.database.is_sqlite:
        raise SettingsError(
            f"{PREFIX}AUTH__SECRET_KEY is not set. It signs the access tokens, must be the same in "
            "all processes and is made up only for development on SQLite. "
            "Make one with: openssl rand -hex 32"
        )
    try:
        return read_or_make_key(settings.server.data_dir / "secret-key")
    except ValueError as error:
        raise SettingsError(
            f"{PREFIX}SERVER__DATA_DIR: {error}; mend that, or set {PREFIX}AUTH__SECRET_KEY."
        ) from None


def _default_database_url(settings: Settings) -> str:
    file = settings.server.data_dir / "chat.db"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        check_sqlite_file(file)
    except (OSError, ValueError) as error:
        reason = read_error(error) if isinstance(error, OSError) else error
        raise SettingsError(
            f"{PREFIX}SERVER__DATA_DIR: the database cannot be kept in {file.parent}: {reason}."
        ) from None
    return f"{SQLITE}:///{file}"


def _check_sqlite_file(settings: Settings) -> None:
    try:
        check_sqlite_file(Path(settings.database.url.partition(":///")[2]))
    except ValueError as error:
        raise SettingsError(
            f"{PREFIX}DATABASE__URL: {error}. Without it the file is in {PREFIX}SERVER__DATA_DIR."
        ) from None


def _reject_unknown_variables() -> None:
    """A misspelt variable would otherwise silently mean the default."""
    known = {
        f"{PREFIX}{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    try:
        in_file = read_names(Path(ENV_FILE))
    except ValueError as error:
        raise SettingsError(str(error)) from None
    for source, names in (("the environment", os.environ), (ENV_FILE, in_file)):
        for name in names:
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                raise SettingsError(
                    f"{name} (in {source}) is not a setting. `.env.example` lists those that exist."
                )


def _describe_error(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if message.startswith(PREFIX):  # it concerns several variables and names them
        return str(message)
    path = [str(part) for part in error["loc"]]
    value = f" (it is {error['input']!r})"
    if "url" in path or path[-1].startswith(("secret_key", "token")):  # they may hold a secret
        value = ""
    return f"{PREFIX}{'__'.join(path).upper()}: {message}{value}"
