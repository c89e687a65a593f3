"""What can be computed again, kept in the user's cache folder; whatever is wrong there is not used.

The folder is ``CXRCAT_CACHE``, else the system's place for such files. An entry begins with the
XXH3-128 of the rest, so that a damaged one is told from a whole one.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

import xxhash

VARIABLE = "CXRCAT_CACHE"

_DIGEST = 16  # bytes


def key_of(path: str) -> str:
    """Return the part of an entry's name that stands for an absolute path."""
    return xxhash.xxh3_128_hexdigest(os.fsencode(path))


def read(name: str) -> bytes | None:
    """Return an entry; None when there is none, or none that is whole."""
    try:
        data = (_folder() / name).read_bytes()
    except OSError:
        return None
    digest, rest = data[:_DIGEST], data[_DIGEST:]
    return rest if xxhash.xxh3_128_digest(rest) == digest else None


def write(name: str, data: bytes) -> None:
    """Keep an entry, whole or not at all; do nothing where none can be kept."""
    folder = _folder()
    beside = folder / f".{name}.{uuid.uuid4().hex}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as stream:
                stream.write(xxhash.xxh3_128_digest(data))
                stream.write(data)
            beside.replace(folder / name)
        finally:
            beside.unlink(missing_ok=True)


def remove(name: str) -> None:
    """Forget an entry."""
    with contextlib.suppress(OSError):
        (_folder() / name).unlink(missing_ok=True)


def _folder() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("cxrcat", appauthor=False)
