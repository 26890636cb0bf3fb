"""The command line, in a process of its own or faster in this one."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir

from typer.testing import CliRunner, Result

from app.cli import app
from app.settings import Settings
from testkit.coverage import child_variables


@asynccontextmanager
async def start_command(settings: Settings, *words: str) -> AsyncIterator[Process]:
    """`python -m app` with these arguments; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        cwd=settings.server.data_dir,  # where there is no .env
        env=os.environ | _environment(settings) | child_variables(),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run_command(settings: Settings, *words: str, stdin: str = "") -> Result:
    """Like `start_command`, without the process, which takes seconds to start. It runs in a thread,
    because it has an event loop of its own."""
    runner = CliRunner(env=_environment(settings))
    with chdir(settings.server.data_dir):
        return await asyncio.to_thread(lambda: runner.invoke(app, words, input=stdin))


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "CHAT_SERVER__DATA_DIR": str(settings.server.data_dir),
        "CHAT_DATABASE__URL": settings.database.url,
        "CHAT_REDIS__URL": settings.redis.url,
        "CHAT_REDIS__PREFIX": settings.redis.prefix,
        "CHAT_AUTH__SECRET_KEY": settings.auth.secret_key,
    }
