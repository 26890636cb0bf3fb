"""Compares documents with the program."""

import re
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Table = list[list[str]]  # the names in the first cell of each row

_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"^\|[\s:|-]+\|$")


def tables(markdown: str) -> list[Table]:
    """The tables of a document. The names of a row are the parts of its first cell in backticks;
    a cell without backticks is one name."""
    parsed: list[Table] = []
    inside = False
    for line in map(str.strip, markdown.splitlines()):
        if not line.startswith("|"):
            inside = False
        elif _RULE.match(line):
            parsed.append([])  # the line above was the heading
            inside = True
        elif inside:
            first = line.strip("|").split("|")[0].strip()
            parsed[-1].append(_CODE.findall(first) or [first])
    return parsed


def undocumented(members: Iterable[str], document: list[Table]) -> list[str]:
    named = {name for table in document for row in table for name in row}
    return [f"`{member}` is in no row of a table" for member in members if member not in named]


def nonexistent(members: Iterable[str], document: list[Table]) -> list[str]:
    """Names in a table of mostly members that are no members."""
    known = set(members)
    findings = []
    for table in document:
        names = [name for row in table for name in row]
        unknown = [name for name in names if name not in known]
        if len(unknown) * 2 < len(names):
            findings += [f"`{name}` is documented, but does not exist" for name in unknown]
    return findings


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

    Raises ValueError for a setting that is listed twice or has no explanation in the line above.
    """
    settings: dict[str, str] = {}
    above = ""
    for line in example.splitlines():
        if match := re.match(r"#?([A-Z][A-Z0-9_]*)=(.*)$", line):
            name, value = match.groups()
            if name in settings:
                raise ValueError(f"{name} is listed twice")
            if not above.startswith("# ") or above.startswith("# ="):
                raise ValueError(f"{name} has no line above that explains it")
            settings[name] = value
        above = line
    return settings


_PATH = re.compile(r"(?<![\w/.])(?:app|tests|testkit|bench|docs|alembic|web)/[\w./-]*[\w/]")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_PRIVATE = re.compile(
    r"\b(pok(?:e|ed|es|ing)|whisper\w*|oddit(?:y|ies)|who(?:ever|m)|nobody|theirs|told|heard|suspect\w*|sweep\w*|bumps?)\b",
    re.IGNORECASE,
)


def missing_paths(document: str, root: Path) -> list[str]:
    """Files and folders of the repository that a document names, but that do not exist."""
    return sorted({path for path in _PATH.findall(document) if not (root / path).exists()})


def broken_links(document: str, folder: Path) -> list[str]:
    """Relative links of a document in this folder that lead nowhere."""
    targets = [link for link in _LINK.findall(document) if "://" not in link]
    return [target for target in targets if not (folder / target).exists()]


def private_words(document: str) -> list[str]:
    """Words that the glossary replaces, and pronouns without a subject, by line."""
    return [
        f"{number}: {match[0]}"
        for number, line in enumerate(document.splitlines(), 1)
        for match in _PRIVATE.finditer(line)
    ]
