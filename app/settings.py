"""Settings: frozen groups, from the environment and `.env`, checked before anything starts.

A variable is `CHAT_<GROUP>__<NAME>`, such as CHAT_DATABASE__URL. `.env.example` lists them all.
"""

import os
import secrets
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.tokens import MIN_KEY_BYTES

_CHECKOUT = Path(__file__).resolve().parent.parent
# Where `var` is: in the checkout. A program that was installed keeps it where it is started.
ROOT = _CHECKOUT if (_CHECKOUT / "alembic.ini").exists() else Path.cwd()
PREFIX = "CHAT_"
SQLITE, MYSQL = "sqlite+aiosqlite", "mysql+asyncmy"
_SCHEMES = {"sqlite": SQLITE, "mysql": MYSQL, "mariadb": MYSQL, "mariadb+asyncmy": MYSQL}


class SettingsError(Exception):
    """What is wrong with which variable; printed as it is, without a traceback."""


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Group):
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    environment: Literal["development", "production"] = "development"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    allowed_origins: str = ""
    var: Path = ROOT / "var"
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_body_bytes: int = Field(256 * 1024, ge=1024)
    workers: int = Field(1, ge=1, le=256)
    drain_s: float = Field(20.0, ge=0)
    drain_grace_s: float = Field(2.0, ge=0)
    drain_hard_s: float = Field(30.0, gt=0)
    request_head_s: float = Field(10.0, gt=0)
    request_body_s: float = Field(60.0, gt=0)

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(filter(None, (o.strip() for o in self.allowed_origins.split(","))))

    @model_validator(mode="after")
    def both_halves_of_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(
                f"{PREFIX}SERVER__TLS_CERTIFICATE and {PREFIX}SERVER__TLS_KEY go together: "
                "set both or none"
            )
        return self

    @model_validator(mode="after")
    def sockets_move_before_the_end(self) -> Self:
        if self.drain_s + self.drain_grace_s > self.drain_hard_s:
            raise ValueError(
                f"{PREFIX}SERVER__DRAIN_HARD_S is less than DRAIN_S and DRAIN_GRACE_S together: "
                "sockets would be cut off before they are told to move"
            )
        return self


class Database(Group):
    url: str = ""
    pool_size: int = Field(20, ge=1, le=1000)
    pool_timeout_s: float = Field(5.0, gt=0)
    pool_recycle_s: int = Field(1800, gt=0)
    statement_timeout_s: float = Field(30.0, gt=0)
    tls_ca: Path | None = None
    attempts: int = Field(8, ge=1, le=100)
    group_commit: bool = True

    @field_validator("url")
    @classmethod
    def known_scheme(cls, url: str) -> str:
        if not url:
            return url
        scheme, separator, rest = url.partition("://")
        scheme = _SCHEMES.get(scheme, scheme)
        if not separator or scheme not in (SQLITE, MYSQL):
            raise ValueError(
                "must start with mysql://, mariadb:// or sqlite:///, such as "
                "mysql://chat:secret@127.0.0.1:3306/chat"
            )
        return f"{scheme}://{rest}"

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
    def known_scheme(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url


class Auth(Group):
    secret_key: str = ""
    issuer: str = "chat"
    access_token_s: int = Field(900, ge=10)
    refresh_token_s: int = Field(30 * 86400, ge=60)
    refresh_grace_s: int = Field(20, ge=0, le=60)
    ticket_s: int = Field(45, ge=5, le=300)
    registration: Literal["open", "closed"] = "open"
    argon2_workers: int = Field(2, ge=1)
    argon2_waiting: int = Field(64, ge=0)
    argon2_memory_kib: int = Field(65536, ge=8)
    attempts_per_minute: float = Field(30.0, gt=0)
    attempts_burst: int = Field(20, ge=1)

    @field_validator("secret_key")
    @classmethod
    def long_enough(cls, key: str) -> str:
        if key and len(key.encode()) < MIN_KEY_BYTES:
            raise ValueError(
                f"must have at least {MIN_KEY_BYTES} bytes; make one with: openssl rand -hex 32"
            )
        return key


class Realtime(Group):
    hello_timeout_s: float = Field(5.0, gt=0)
    heartbeat_s: float = Field(25.0, gt=0)
    dead_after_s: float = Field(45.0, gt=0)
    gap_wait_ms: int = Field(100, ge=0)
    sweep_every_ms: int = Field(2000, ge=100)
    poll_every_ms: int = Field(300, ge=50)
    bump_every_ms: int = Field(500, ge=10)
    bump_every_huge_ms: int = Field(5000, ge=10)
    session_check_s: float = Field(10.0, gt=0)
    slow_age_s: float = Field(15.0, gt=0)
    slow_stall_s: float = Field(10.0, gt=0)
    presence_ttl_s: float = Field(30.0, ge=2)
    presence_grace_s: float = Field(30.0, ge=0)
    join_writes: bool = True


class Limits(Group):
    """Every one that concerns a socket is announced in `welcome`."""

    hello_bytes: int = Field(64 * 1024, ge=1024)
    frame_bytes: int = Field(16 * 1024, ge=1024)
    text_chars: int = Field(4000, ge=1, le=16000)
    json_depth: int = Field(32, ge=4)
    frames_per_minute: float = Field(120.0, gt=0)
    frames_burst: int = Field(40, ge=1)
    sends_per_second: float = Field(5.0, gt=0)
    sends_burst: int = Field(10, ge=1)
    open_rooms: int = Field(100, ge=1)
    watched_users: int = Field(200, ge=1, le=1000)
    typing_every_s: float = Field(3.0, gt=0)
    sockets_per_user: int = Field(10, ge=1)
    sockets_unauthenticated_per_address: int = Field(20, ge=1)
    sockets_unauthenticated: int = Field(10_000, ge=1)
    catchup_room: int = Field(100, ge=1)
    catchup_hello: int = Field(1000, ge=1)
    buffer_bytes: int = Field(1024 * 1024, ge=65536)
    page: int = Field(100, ge=1, le=1000)
    room_members_add: int = Field(100, ge=1)
    rooms_per_user: int = Field(5000, ge=1)
    sessions_per_user: int = Field(100, ge=1)
    huge_room: int = Field(1000, ge=2)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    server: Server = Server()
    database: Database = Database()
    redis: Redis = Redis()
    auth: Auth = Auth()
    realtime: Realtime = Realtime()
    limits: Limits = Limits()


def load_settings(**given: Any) -> Settings:
    """Settings from `given`, then the environment, then `.env`, then the defaults.

    Fills in what the embedded default leaves open: a SQLite file and a generated key, both below
    `var/`. Raises SettingsError, which names each variable that is wrong, and what it should be.
    """
    _refuse_unknown()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_explain, error.errors()))) from None
    if not settings.database.url:
        url = f"{SQLITE}:///{settings.server.var / 'chat.db'}"
        settings = with_values(settings, "database", url=url)
    if not settings.auth.secret_key:
        settings = with_values(settings, "auth", secret_key=_generated_key(settings))
    return settings


def with_values(settings: Settings, group: str, **values: Any) -> Settings:
    """The settings with other values of one group, which are not checked again."""
    return settings.model_copy(update={group: getattr(settings, group).model_copy(update=values)})


def _generated_key(settings: Settings) -> str:
    """Kept in `var/secret-key`, so that a restart does not log everybody out."""
    if settings.server.environment == "production" or not settings.database.is_sqlite:
        raise SettingsError(
            f"{PREFIX}AUTH__SECRET_KEY is not set. It signs the access tokens, must be the same in "
            "all processes and is made up only for development on SQLite. "
            "Make one with: openssl rand -hex 32"
        )
    path = settings.server.var / "secret-key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(MIN_KEY_BYTES))
    return path.read_text().strip()


def _refuse_unknown() -> None:
    """A misspelt variable would otherwise be a default that nobody asked for."""
    known = {
        f"{PREFIX}{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    for source, names in (("the environment", os.environ), (".env", dotenv_values(".env"))):
        for name in names:
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                raise SettingsError(
                    f"{name} (in {source}) is not a setting. `.env.example` lists those that exist."
                )


def _explain(error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    value = "" if isinstance(error["input"], dict) else f" (it is {error['input']!r})"
    if path[-1:] == ["secret_key"] or "url" in path:  # both may hold a secret
        value = ""
    return f"{PREFIX}{'__'.join(path).upper()}: {error['msg'].removeprefix('Value error, ')}{value}"
