"""Checks of what is written for people against what the program has."""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Table = list[list[str]]  # the names in the first cell of each row

_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"^\|[\s:|-]+\|$")


def tables(markdown: str) -> list[Table]:
    """The tables of a document. A row's names are what its first cell has in backticks; a cell
    without any is one name."""
    found: list[Table] = []
    inside = False
    for line in map(str.strip, markdown.splitlines()):
        if not line.startswith("|"):
            inside = False
        elif _RULE.match(line):
            found.append([])  # what stood above is the heading of the columns
            inside = True
        elif inside:
            first = line.strip("|").split("|")[0].strip()
            found[-1].append(_CODE.findall(first) or [first])
    return found


def undocumented(members: Iterable[str], document: list[Table]) -> list[str]:
    named = {name for table in document for row in table for name in row}
    return [f"`{member}` is in no row of a table" for member in members if member not in named]


def needs_rehash(members: Iterable[str], document: list[Table]) -> list[str]:
    """What stands beside the members, in a table mostly of them, and is none."""
    known = set(members)
    found = []
    for table in document:
        names = [name for row in table for name in row]
        strangers = [name for name in names if name not in known]
        if len(strangers) * 2 < len(names):
            found += [f"`{name}` is documented, but does not exist" for name in strangers]
    return found


def types_of(union: Any) -> list[str]:
    """The `type` of every member of a discriminated union of models."""
    return [name for model in models(union) for name in get_args(_annotation(model))]


def models(union: Any) -> list[type[BaseModel]]:
    """The members of a union of models, unpacked from `Annotated` and nested unions."""
    if get_origin(union) is Annotated:
        return models(get_args(union)[0])
    if get_origin(union) in (Union, UnionType):
        return [model for member in get_args(union) for model in models(member)]
    return [union]


def _annotation(model: type[BaseModel]) -> Any:
    return model.model_fields["type"].annotation


def settings_in(example: str) -> dict[str, str]:
    """Name and value of each setting in an .env file, commented out or not.

    Raises ValueError for one that stands there twice, or without its meaning in the line above.
    """
    found: dict[str, str] = {}
    above = ""
    for line in example.splitlines():
        if match := re.match(r"#?([A-Z][A-Z0-9_]*)=(.*)$", line):
            name, value = match.groups()
            if name in found:
                raise ValueError(f"{name} stands there twice")
            if not above.startswith("# ") or above.startswith("# ="):
                raise ValueError(f"{name} has no line above that says what it means")
            found[name] = value
        above = line
    return found
