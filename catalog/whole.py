"""Write a file whole or not at all: beside its place, to the disk, then renamed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from ..schemas.errors import SourceError

_MODE = 0o666  # less what the user's umask takes away


def write(path: Path, data: bytes) -> None:
    """Write or replace a file; one that was there keeps its mode, and a link is replaced itself.

    Raises `SourceError` when that cannot be done.
    """
    beside = path.with_name(f".cxrcat-{uuid.uuid4().hex}")
    try:
        there = path.exists() and not path.is_symlink()
        mode = path.stat().st_mode & 0o777 if there else _MODE
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"{path}: cannot be written: {reason}") from error
