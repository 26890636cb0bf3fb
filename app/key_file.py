"""The generated signing key of development. It is kept, so that a restart ends no login."""

import os
import secrets
from pathlib import Path

from app.core.tokens import MIN_KEY_BYTES
from app.env_file import read_error


def read_or_make_key(file: Path) -> str:
    """Raises ValueError, whose text continues a sentence for the operator."""
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
                new.write(secrets.token_hex(MIN_KEY_BYTES))
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"no key can be kept in {file}: {read_error(error)}") from None
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"the key in {file} is not whole, delete it to have a new one made")
    return key
