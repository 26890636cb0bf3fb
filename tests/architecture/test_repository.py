"""What no file of the repository may hold: it has to work on any machine, from any registry."""

import pytest

from tests.architecture.repository import (
    addresses,
    files,
    machine_paths,
    registries,
    without_hash,
)
from tests.architecture.source import ROOT, expect_none

LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-web.lock"]


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        finding
        for name, text in files()
        for finding in [*registries(name, text), *machine_paths(name, text)]
    ]
    expect_none(found, "A registry's address, or an absolute path of somebody's machine:")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    expect_none(addresses(lock, text), "A lock file holds no address:")
    expect_none(without_hash(lock, text), "A lock file holds a hash of everything:")


# The checks themselves: each finds what it is for.


def test_the_files_are_those_of_git() -> None:
    names = dict(files()).keys()
    assert {"pyproject.toml", "tests/architecture/test_repository.py"} <= names
    assert not any(name.startswith(".venv/") for name in names)


@pytest.mark.parametrize("parts", [("pypi", "org"), ("files", "pythonhosted", "org")])
def test_a_registry_is_found(parts: tuple[str, ...]) -> None:
    host = ".".join(parts)
    assert registries("a", f"x\nurl = https://{host}/simple\n") == [
        f"a:2 url = https://{host}/simple"
    ]


@pytest.mark.parametrize("folder", ["work", "root", "home", "Users"])
def test_a_folder_of_one_machine_is_found(folder: str) -> None:
    path = f"/{folder}/somebody"
    assert machine_paths("a", f'x = "{path}"') == [f'a:1 x = "{path}"']
    assert machine_paths("a", f"https://example.org{path} ../a{path} {{base}}{path}") == []


@pytest.mark.parametrize(
    "line", ["# from https://example.org", "--index-url x", "--extra-index-url x", "-f x"]
)
def test_an_address_in_a_lock_is_found(line: str) -> None:
    assert addresses("a", f"b==1 \\\n    --hash=sha256:00\n{line}\n") == [f"a:3 {line}"]


def test_a_requirement_without_a_hash_is_found() -> None:
    hashed = "{} \\\n    --hash=sha256:00\n    # via a\n"
    text = hashed.format("b==1") + "c==2\n    # via b\n" + hashed.format("d==3 ; x")
    assert without_hash("a", text) == ["a: c==2"]
