"""Documents name files that exist, link to each other, and keep to the field's words."""

import ast
import re
from pathlib import Path

import pytest

from app.persistence.tables import Base
from tests.architecture.documents import broken_links, missing_paths, private_words
from tests.architecture.source import ROOT, app_modules, expect_none
from tests.settings import all_settings

DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "certs/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *DECISIONS,
]
every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@every_document
def test_every_path_in_a_document_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    expect_none(missing_paths(text, ROOT), f"{document.name} names files that do not exist:")


@every_document
def test_every_link_in_a_document_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    expect_none(broken_links(text, document.parent), f"{document.name} has broken links:")


@every_document
def test_every_setting_in_a_document_exists(document: Path) -> None:
    named = set(
        re.findall(r"CHAT_[A-Z]+__[A-Z0-9_]*[A-Z0-9]", document.read_text(encoding="utf-8"))
    )
    unknown = sorted(named - all_settings().keys())
    expect_none(unknown, f"{document.name} names settings that do not exist:")


@every_document
def test_no_document_uses_private_vocabulary(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    expect_none(private_words(text), f"{document.name} has words that docs/glossary.md replaces:")


def test_every_log_event_and_column_in_the_operations_guide_exists() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text))
    strings = {
        node.value
        for module in app_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
    }
    columns = {str(column) for table in Base.metadata.tables.values() for column in table.columns}
    expect_none(
        sorted(named - strings - columns), "docs/operations.md has names that do not exist:"
    )


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_a_status_a_date_and_its_parts(decision: Path) -> None:
    number = int(decision.name[:4])
    lines = decision.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {number}. ")
    assert re.fullmatch(
        r"Status: (accepted|superseded by ADR \d+) · Date: \d{4}-\d\d-\d\d", lines[2]
    )
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert headings[:3] == ["Context", "Decision", "Consequences"]
    assert headings[3:] in ([], ["Alternatives"])


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


# Tests of the checks.


def test_a_missing_path_is_found(tmp_path: Path) -> None:
    (tmp_path / "app" / "core").mkdir(parents=True)
    (tmp_path / "app" / "core" / "ids.py").touch()
    text = "`app/core/ids.py`, app/core/, (app/core/ids.py) and app/core/none.py:7, not x/app/y."
    assert missing_paths(text, tmp_path) == ["app/core/none.py"]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    text = "[a](a.md#part), [b](b.md), [c](https://example.org), [d](#part)"
    assert broken_links(text, tmp_path) == ["b.md"]


def test_a_private_word_is_found_and_the_wire_name_is_not() -> None:
    assert private_words("Nobody is told.\n`room.bumped` stays.") == ["1: Nobody", "1: told"]
