"""Write a file whole or not at all: beside its place, to the disk, then renamed.

A pipe, a device and what the program already writes to, as ``/dev/stdout`` names it, are written to
and never replaced.
"""

from __future__ import annotations

import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

from ..schemas.errors import SourceError

_MODE = 0o666  # less what the user's umask takes away
_OUTPUTS = (1, 2)  # the descriptors of standard output and standard error


def write(path: Path, data: bytes) -> None:
    """Write or replace a file; one that was there keeps its mode, and a link is replaced itself.

    Raises `SourceError` when that cannot be done.
    """
    beside = path.with_name(f".cxrcat-{uuid.uuid4().hex}")
    try:
        if (stream_of := _stream_of(path)) is not None:
            with os.fdopen(stream_of, "wb") as stream:
                stream.write(data)
            return
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


def _stream_of(path: Path) -> int | None:
    """Return a descriptor of what is not to be replaced; None for a file, or where nothing is."""
    try:
        status = path.stat()
    except OSError:
        return None
    for own in _OUTPUTS:
        with suppress(OSError):  # a program of somebody's own may have closed it
            if os.path.samestat(status, os.fstat(own)):
                return os.dup(own)
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return None
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
