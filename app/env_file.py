"""The file `.env`, checked strictly: the library skips lines that it cannot parse."""

import io
from pathlib import Path

from dotenv.parser import parse_stream

ENCODING = "utf-8-sig"  # editors of Windows put a mark at the beginning


def read_names(file: Path) -> list[str]:
    """The variables that the file sets; none if there is no file. Raises ValueError with a
    sentence for the operator."""
    try:
        lines = list(parse_stream(io.StringIO(file.read_text(ENCODING))))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.absolute()} cannot be read: {read_error(error)}.") from None
    for line in lines:
        if line.error or (line.key and line.value is None):
            text = line.original.string
            number = line.original.line + text[: -len(text.lstrip())].count("\n")
            raise ValueError(f"{file.absolute()}, line {number}: must be NAME=value.")
    return [line.key for line in lines if line.key]


def read_error(error: OSError | UnicodeDecodeError) -> str:
    """The reason as the operator sees it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return error.strerror or str(error)
