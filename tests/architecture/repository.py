"""Checks of every file of the repository."""

import re
import subprocess
from collections.abc import Iterator

from tests.architecture.source import ROOT

# In parts, so that this file does not name them.
_REGISTRIES = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("registry", "npmjs"),
    ("crates", "io"),
    ("proxy", "golang"),
    ("repo1", "maven"),
    ("deb", "debian"),
]
_REGISTRY = re.compile("|".join(re.escape(".".join(parts)) for parts in _REGISTRIES))
_INDEX = re.compile(r"://|^-|--(?:extra-)?index|--find-links")
# A folder of one machine or one person; the part of a URL after its host is none.
_MACHINE = re.compile(r"(?<![\w.~$}])/(?:work|root|home|Users)/[\w.]")


def files() -> Iterator[tuple[str, str]]:
    """Path and text of all files that git has or would add."""
    listed = subprocess.run(
        # The owner of the files may be another one, as in a container; they are only listed.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-c", "-o", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture or an archive


def registries(name: str, text: str) -> list[str]:
    return _lines(_REGISTRY, name, text)


def machine_paths(name: str, text: str) -> list[str]:
    return _lines(_MACHINE, name, text)


def addresses(name: str, text: str) -> list[str]:
    """What a lock file must not hold: a URL, or an option that names an index."""
    return _lines(_INDEX, name, text)


def without_hash(name: str, text: str) -> list[str]:
    """Requirements of a lock file that have no hash."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    return [f"{name}: {e.splitlines()[0]}" for e in entries if "--hash=sha256:" not in e]


def _lines(pattern: re.Pattern[str], name: str, text: str) -> list[str]:
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
