"""The program keeps to the rules of docs/architecture.md that a program can check."""

from tests.architecture.source import Module, app_modules, expect_none
from tests.architecture.structure import (
    Sizes,
    dialect_names,
    file_lengths,
    function_lengths,
    imports_in_functions,
    imports_of,
    third_party_imports,
    transaction_ends,
)

MODULES = app_modules()
FILES = Sizes(400, 250, 90, exceptions={"app/persistence/tables.py": 500})
FUNCTIONS = Sizes(60, 30, 8)


def test_only_persistence_ends_transactions() -> None:
    findings = [finding for module in MODULES for finding in transaction_ends(module)]
    expect_none(findings, "Only app/persistence commits and rolls back:")


def test_only_persistence_sql_knows_dialects() -> None:
    findings = [finding for module in MODULES for finding in dialect_names(module)]
    expect_none(
        findings, "A repository states a question once; app/persistence/sql knows dialects:"
    )


def test_no_import_inside_a_function() -> None:
    findings = [finding for module in MODULES for finding in imports_in_functions(module)]
    expect_none(findings, "Imports are at the top, where the import contracts are easy to read:")


def test_only_tokens_knows_jose() -> None:
    home = "app/core/tokens.py"
    tokens = [finding for m in MODULES if m.path == home for finding in imports_of("jose", m)]
    others = [finding for m in MODULES if m.path != home for finding in imports_of("jose", m)]
    expect_none(others, "python-jose is hardened in app/core/tokens.py, and used only there:")
    assert tokens, "app/core/tokens.py does not import jose: this test looks in the wrong place"


def test_the_wire_has_no_dependency_but_pydantic_and_the_scripts_of_unicode() -> None:
    """Import contracts cannot express this; the layers forbid imports of the rest of app/."""
    allowed = {"pydantic", "pydantic_core", "confusable_homoglyphs"}
    wire = [module for module in MODULES if module.path.startswith("app/wire/")]
    findings = [finding for module in wire for finding in third_party_imports(module, allowed)]
    expect_none(findings, "Clients are made from app/wire, so it depends on pydantic alone:")


def test_files_are_small() -> None:
    expect_none(FILES.exceeded_by(file_lengths(MODULES)), "Files are too long:")


def test_functions_are_short() -> None:
    expect_none(FUNCTIONS.exceeded_by(function_lengths(MODULES)), "Functions are too long:")


# The checks themselves: each finds what it is for.


def test_a_commit_is_found_except_in_persistence() -> None:
    text = "async def use_case(session):\n    await session.commit()\n    return session.rollback\n"
    assert transaction_ends(Module("app/rooms/service.py", text)) == [
        "app/rooms/service.py:2 .commit",
        "app/rooms/service.py:3 .rollback",
    ]
    assert transaction_ends(Module("app/persistence/database.py", text)) == []


def test_a_dialect_is_found_except_in_persistence_sql() -> None:
    text = "if session.get_bind().dialect.name == 'sqlite':\n    pass\n"
    assert dialect_names(Module("app/persistence/repositories/a.py", text)) == [
        "app/persistence/repositories/a.py:1 'sqlite'",
        "app/persistence/repositories/a.py:1 session.get_bind().dialect",
    ]
    assert dialect_names(Module("app/persistence/sql/a.py", text)) == []


def test_an_import_in_a_function_is_found() -> None:
    text = "import os\nclass A:\n    def b(self):\n        if self:\n            from c import d\n"
    assert imports_in_functions(Module("a.py", text)) == ["a.py:5 from c import d"]


def test_every_way_to_import_a_package_is_found() -> None:
    text = "import josephine\nimport os, jose.jwt\nfrom jose import jwt\nfrom jose.jwt import x\n"
    found = imports_of("jose", Module("a.py", text))
    assert [finding.split()[0] for finding in found] == ["a.py:2", "a.py:3", "a.py:4"]


def test_a_third_party_import_is_found() -> None:
    text = "import json\nimport orjson\nfrom pydantic import v1\nfrom app.core import ids\n"
    assert third_party_imports(Module("a.py", text), {"pydantic"}) == ["a.py:2 import orjson"]


def test_sizes_are_measured() -> None:
    module = Module("a.py", "def f():\n    def g():\n        return 1\n    return g\n")
    assert function_lengths([module]) == {"a.py:1 f": 4, "a.py:2 g": 2}
    assert file_lengths([module, Module("__init__.py", "")]) == {"a.py": 4}


def test_each_size_can_be_exceeded() -> None:
    sizes = Sizes(most=10, nine_of_ten=5, middle=2, exceptions={"big": 20})
    assert sizes.exceeded_by({"a": 1, "b": 2, "big": 2}) == []
    assert "big has 21 lines, at most 20" in sizes.exceeded_by({"a": 1, "b": 1, "big": 21})[0]
    assert "nine of ten" in sizes.exceeded_by({"a": 1, "b": 1, "c": 6})[0]
    assert "median" in sizes.exceeded_by({"a": 3})[0]
    assert "nothing" in sizes.exceeded_by({})[0]
