"""docs/protocol.md and .env.example say what the program does: all of it, and nothing else."""

from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from app.settings import PREFIX, Settings
from app.wire.close_codes import CloseCode
from app.wire.errors import ErrorCode
from app.wire.events import Event
from app.wire.frames import ClientFrame, ServerFrame
from tests.architecture.documents import (
    Table,
    needs_rehash,
    settings_in,
    tables,
    types_of,
    undocumented,
)
from tests.architecture.source import ROOT, expect_none

EXAMPLE = ROOT / ".env.example"


@pytest.fixture(scope="module")
def protocol() -> list[Table]:
    return tables((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([code.value for code in ErrorCode], id="error codes"),
        pytest.param(types_of(Event), id="events"),
        pytest.param(types_of(ClientFrame), id="client frames"),
        pytest.param(types_of(ServerFrame), id="server frames"),
        pytest.param([str(code.value) for code in CloseCode], id="close codes"),
    ],
)
def test_every_word_of_the_protocol_is_documented(
    members: list[str], protocol: list[Table]
) -> None:
    rule = "docs/protocol.md has a row of a table for every one, its name in the first cell:"
    expect_none(undocumented(members, protocol), rule)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([code.value for code in ErrorCode], id="error codes"),
        pytest.param(
            [*types_of(Event), *types_of(ClientFrame), *types_of(ServerFrame)], id="types"
        ),
        pytest.param([str(code.value) for code in CloseCode], id="close codes"),
    ],
)
def test_nothing_is_documented_that_does_not_exist(
    members: list[str], protocol: list[Table]
) -> None:
    expect_none(needs_rehash(members, protocol), "docs/protocol.md is ahead or behind:")


def test_the_example_lists_exactly_the_settings() -> None:
    existing = {
        f"{PREFIX}{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    listed = settings_in(EXAMPLE.read_text(encoding="utf-8")).keys()
    expect_none(sorted(existing - listed), ".env.example misses settings:")
    expect_none(sorted(listed - existing), ".env.example has what is no setting:")


def test_the_example_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every line uncommented, nothing changes."""
    values = settings_in(EXAMPLE.read_text(encoding="utf-8"))
    for name in values:
        monkeypatch.delenv(name, raising=False)
    uncommented = tmp_path / "env"
    uncommented.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    monkeypatch.chdir(ROOT)
    found = _flat(Settings(_env_file=uncommented))
    defaults = _flat(Settings(_env_file=None))
    expect_none(
        [
            f"{name} is {found[name]!r}, the default is {default!r}"
            for name, default in defaults.items()
            if found[name] != default
        ],
        ".env.example has other values than the defaults:",
    )


def _flat(settings: Settings) -> dict[str, object]:
    """By variable. Paths are made absolute: the example has them relative to the repository."""
    return {
        f"{PREFIX}{group}__{name}".upper(): value.resolve() if isinstance(value, Path) else value
        for group, values in settings.model_dump().items()
        for name, value in values.items()
    }


# The checks themselves: each finds what it is for.

DOCUMENT = """
`loose` | text

| code | meaning |
|---|:---|
| `busy` | try again |
| `gone`, `lost` | no |

| close | meaning |
|---|---|
| 4001 | draining |
"""


class Left(BaseModel):
    type: Literal["left"] = "left"


class Right(BaseModel):
    type: Literal["right"] = "right"


class Number(IntEnum):
    ONE = 1


Hand = Annotated[Left | Right, Field(discriminator="type")]


def test_tables_are_read() -> None:
    assert tables(DOCUMENT) == [[["busy"], ["gone", "lost"]], [["4001"]]]


def test_what_is_not_documented_is_found() -> None:
    found = undocumented(["busy", "lost", "4001", "loose", "code"], tables(DOCUMENT))
    assert found == ["`loose` is in no row of a table", "`code` is in no row of a table"]


def test_what_is_outdated_is_found() -> None:
    assert needs_rehash(["busy", "gone"], tables(DOCUMENT)) == [
        "`lost` is documented, but does not exist"
    ]
    assert needs_rehash(["busy"], tables(DOCUMENT)) == []  # a table of something else


def test_types_are_found_in_nested_unions() -> None:
    assert types_of(Hand | Left) == ["left", "right", "left"]
    assert types_of(Right) == ["right"]


def test_an_example_is_read() -> None:
    text = "# Two lines\n# of meaning.\n#A__B=1\n\n# Empty.\nC=\n"
    assert settings_in(text) == {"A__B": "1", "C": ""}


@pytest.mark.parametrize(
    "text", ["# Meaning.\nA=1\n\n# Again.\n#A=2\n", "\n#A=1\n", "# === A\nA=1\n"]
)
def test_a_setting_twice_or_without_meaning_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="A"):
        settings_in(text)
