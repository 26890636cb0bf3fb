"""Each word of docs/glossary.md is used by the code, and for one thing only."""

import ast
import re
from collections.abc import Iterable, Mapping

import pytest

from app.wire.client_frames import ClientFrame
from app.wire.events import Event
from app.wire.frames import ServerFrame
from tests.architecture.documents import tables, types_of
from tests.architecture.source import ROOT, Module, app_modules, expect_none

MAX_WORDS = 26
MODULES = app_modules()
WORDS = [
    names[0] for names in tables((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))[0]
]


def class_names(modules: Iterable[Module]) -> dict[str, str]:
    """The name of each class, by where it is defined."""
    return {
        module.at(node): node.name
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }


def module_names(modules: Iterable[Module]) -> dict[str, str]:
    """The name of each module and package, by path. A package and its module of the same name are
    one thing."""
    paths = [module.path.removesuffix("/__init__.py").removesuffix(".py") for module in modules]
    parts = {path: path.split("/") for path in paths}
    return {path: names[-1] for path, names in parts.items() if names[-1] not in names[-2:-1]}


def frame_names() -> dict[str, str]:
    frames = {*types_of(ClientFrame), *types_of(ServerFrame), *types_of(Event)}
    return {frame: frame for frame in frames}


def named(word: str, names: Mapping[str, str]) -> list[str]:
    return [place for place, name in names.items() if normalized(name) == normalized(word)]


def normalized(name: str) -> str:
    """Without case and separators: ReadMarker, read_marker and read-marker are one name."""
    return re.sub(r"[^a-z]", "", name.lower())


def occurs(word: str, text: str) -> bool:
    """In prose or in an identifier."""
    pattern = "[ _-]?".join(map(re.escape, re.split("[ -]", word)))
    return bool(re.search(pattern, text, re.IGNORECASE))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(class_names(MODULES), id="classes"),
        pytest.param(module_names(MODULES), id="modules"),
        pytest.param(frame_names(), id="frames"),
    ],
)
def test_no_glossary_word_has_two_meanings(names: dict[str, str]) -> None:
    found = [f"{word}: {', '.join(named(word, names))}" for word in WORDS]
    expect_none([line for line in found if ", " in line], "Words of docs/glossary.md name two:")


def test_every_glossary_word_is_used_by_the_code() -> None:
    code = "\n".join(module.text for module in MODULES)
    unused = [word for word in WORDS if not occurs(word, code)]
    expect_none(unused, "docs/glossary.md has words that app/ does not use:")


def test_the_glossary_is_short_and_has_no_word_twice() -> None:
    assert 0 < len({*map(normalized, WORDS)}) == len(WORDS) <= MAX_WORDS


# Tests of the checks.


def test_a_class_and_a_module_are_found_by_any_spelling() -> None:
    text = "class GapRepair:\n    class Gap_repair: ...\n"
    modules = [Module("app/gap_repair.py", text), Module("app/gap_repair/__init__.py", "")]
    assert named("gap repair", class_names(modules)) == [
        "app/gap_repair.py:1",
        "app/gap_repair.py:2",
    ]
    assert named("gap repair", module_names(modules)) == ["app/gap_repair"]


def test_a_package_and_its_module_of_the_same_name_are_one_thing() -> None:
    modules = [Module("app/hub/__init__.py", ""), Module("app/hub/hub.py", "")]
    assert named("hub", module_names(modules)) == ["app/hub"]


@pytest.mark.parametrize("code", ["catchup", "CATCH_UP", "a catch-up", "CatchUpRange"])
def test_a_word_is_found_in_prose_and_identifiers(code: str) -> None:
    assert occurs("catch-up", code)


def test_a_word_is_not_found_in_other_words() -> None:
    assert not occurs("read marker", "marker read")
