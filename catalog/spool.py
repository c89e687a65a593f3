"""Where uses wait whose catalog was away: JSON files in the user's data folder, for their user.

Written with the standard library alone, since it is the way out when anything else fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..schemas.errors import InputError
from .settings import data_folder

_LARGEST = 4 << 20  # bytes of an entry
_SUFFIX = ".json"
_TRIES = 5
_PORT = ":5432"  # of a server whose URL names none


def folder() -> Path:
    """Return the folder of the spool; it is there only while uses wait."""
    return data_folder() / "spool"


def name_of(location: str) -> str:
    """Return how an entry names its catalog: a file's real path, or a URL without its secrets."""
    if "://" not in location:
        return _real(Path(location).expanduser())
    scheme, _, rest = location.partition("://")
    if scheme.startswith("sqlite"):
        return _real(Path(rest.partition("?")[0].removeprefix("/")).expanduser())
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"postgresql://{host.lower().removesuffix(_PORT)}{parts.path}"


def is_for(named: str, location: str) -> bool:
    """Tell whether a catalog that an entry names is the one at a location.

    A link on the way may have been missing with the catalog when the entry was written.
    """
    here = name_of(location)
    return named == here or ("://" not in named and _real(named) == here)


def _real(path: str | Path) -> str:
    """Return the one path of a file that can be reached by several, whether it is there or not."""
    return os.path.realpath(path)


def write(entry: Mapping[str, Any]) -> Path:
    """Put an entry into the spool under its ``id``, whole and on disk, for its user alone.

    Raises `OSError` when that cannot be done.
    """
    data = (json.dumps(entry, indent=2) + "\n").encode()
    for tries in range(_TRIES):
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / f"{entry['id']}{_SUFFIX}"
        try:
            _write(path, data)
        except FileNotFoundError:  # the folder was empty, and a command removed it just now
            if tries == _TRIES - 1:
                raise
            continue
        break
    return path


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    place = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(place)
    finally:
        os.close(place)


def entries() -> Iterator[Path]:
    """Yield the entries, by name; none when there is no spool or it cannot be read."""
    place = folder()
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - names, to be sorted
    except OSError:
        return
    for name in names:
        if name.endswith(_SUFFIX) and not name.startswith("."):
            yield place / name


def read(path: Path) -> bytes:
    """Return the bytes of an entry.

    Raises `InputError` for a link, a pipe, another user's file, or one that is too large.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is not a file; remove it from the spool")
            if status.st_uid != os.geteuid():
                raise InputError(f"{path}: belongs to another user; remove it from the spool")
            if status.st_size > _LARGEST:
                raise InputError(f"{path}: is larger than a use can be; remove it from the spool")
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                return stream.read(_LARGEST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove an entry that is in its catalog, and the folder when it was the last one."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()
