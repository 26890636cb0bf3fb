"""Checks of the host: settings, files and their permissions, the limit of open files."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from app.ops.checks.result import CheckResult, error, warning
from app.settings import Settings

# Files other than sockets: standard streams, event loop, SQLite's files, logs, listening port.
OTHER_FILES = 64
MIN_OPEN_FILES = 4096
MIN_FREE_BYTES = 512 * 1024**2
_LOOPBACK = ("127.", "::1", "localhost")


def check_settings(settings: Settings) -> Iterator[CheckResult]:
    server = settings.server
    text = f"{server.environment}, {server.workers} process{'es' if server.workers > 1 else ''}"
    if server.environment == "development" and not server.host.startswith(_LOOPBACK):
        yield warning(
            "settings",
            f"{text}, on {server.host}",
            "CHAT_SERVER__ENVIRONMENT=production refuses what is only good for development.",
        )
    else:
        yield CheckResult("settings", text)


def check_files(settings: Settings) -> Iterator[CheckResult]:
    server, database = settings.server, settings.database
    if database.is_sqlite:
        yield from _check_folder(Path(database.url.partition(":///")[2]).parent)
    for path in (Path(".env"), server.data_dir / "secret-key", server.tls_key):
        if path is not None and path.exists():
            yield _check_secret(path)


def _check_folder(folder: Path) -> Iterator[CheckResult]:
    """Checks the folder of SQLite's file, in which SQLite creates further files."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield error(
            "files",
            f"{folder} is not a folder in which this account may write",
            "SQLite keeps its file there. See CHAT_SERVER__DATA_DIR and CHAT_DATABASE__URL.",
        )
        return
    free = shutil.disk_usage(folder).free
    text = f"{folder} has {free // 1024**2:,} MiB free"
    if free < MIN_FREE_BYTES:
        yield warning("files", text, "Without space sends are answered with `busy`.")
    else:
        yield CheckResult("files", text)


def _check_secret(path: Path) -> CheckResult:
    mode = path.stat().st_mode
    if not os.access(path, os.R_OK):
        return error("files", f"{path} cannot be read", "Give this account the right to read it.")
    if mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        return warning(
            "files",
            f"{path} has mode {stat.S_IMODE(mode):o}",
            f"It holds a secret that other accounts may read or change: chmod 600 {path}",
        )
    return CheckResult("files", f"{path} has mode {stat.S_IMODE(mode):o}")


def check_open_files(settings: Settings) -> Iterator[CheckResult]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield CheckResult("open files", "without a limit")
        return
    connections = 2 * settings.database.pool_size
    text = f"at most {soft:,}, so about {max(0, soft - OTHER_FILES - connections):,} sockets"
    if soft < MIN_OPEN_FILES:
        yield warning(
            "open files", text, "Each socket is one. `ulimit -n 65536`, or LimitNOFILE= of systemd."
        )
    else:
        yield CheckResult("open files", text)
