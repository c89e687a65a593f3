"""Files that are read together, wherever that is: here, or by a worker of a cluster.

What crosses a network is plain: texts, numbers, and tuples of them. `cluster` sends the chunks; a
worker that imports this module needs nothing of Dask for it, and never sees the catalog.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from enum import StrEnum
from importlib.metadata import version
from typing import Any, NamedTuple

from ..schemas.errors import CxrcatError, InputError
from .checksums import in_batches, of_files
from .replicas import INODES, Problem
from .signing import of_both

_FILES = 256  # of a chunk, at most
_BYTES = 1 << 28  # of a chunk, unless a single file has more

Plain = tuple[Any, ...]


class What(StrEnum):
    """What is asked of files: one checksum, two, or all that a scan tells of an image."""

    CHECKSUM = "checksum"
    BOTH = "both"
    LOOK = "look"


class Told(StrEnum):
    """How it went on a worker."""

    READ = "read"
    UNREAD = "unread"  # a file is not there, is another one, or cannot be read
    UNFIT = "unfit"  # the worker is no help with any file


class Chunk(NamedTuple):
    """Files that are read together, each its path and what is asked; `sights` are this machine's.

    A sight tells a file from another one: its size, time of change and inode; () without a file.
    """

    files: list[Plain]
    sights: list[Plain]


def chunks(files: Iterable[Plain]) -> Iterator[Chunk]:
    """Yield files in chunks of a bounded number and size, with how each is seen here and now."""
    chunk, size = Chunk([], []), 0
    for file in files:
        sight = sight_of(file[0])
        own = sight[0] if sight else 0
        if chunk.files and (len(chunk.files) == _FILES or size + own > _BYTES):
            yield chunk
            chunk, size = Chunk([], []), 0
        chunk.files.append(file)
        chunk.sights.append(sight)
        size += own
    if chunk.files:
        yield chunk


def sight_of(path: str) -> Plain:
    """Return what tells a file from another one; () when there is none to be seen."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a hundred thousand times
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino & INODES


def read(what: What, files: Sequence[Plain]) -> list[Plain]:
    """Return what is asked of each file: digests, or the parts of a `Look`; () for none there.

    Raises `InputError` when a file cannot be read, as the functions do that a run here calls.
    """
    match what:
        case What.CHECKSUM:
            return [(each.digest,) for each in of_files([path for (path,) in files])]
        case What.BOTH:
            both = of_both([path for (path,) in files])
            return [(xxh128.digest, sha256.digest) for xxh128, sha256 in both]
        case What.LOOK:
            return _looks(files)


def _looks(files: Sequence[Plain]) -> list[Plain]:
    from . import fingerprints
    from .scan.look import File, look_at

    wanted = [File(*file) for file in files]
    if any(file.look for file in wanted):
        fingerprints.require()
    return [() if each is None else astuple(each) for each in in_batches(wanted, look_at)]


def is_unread(what: What, found: Plain) -> bool:
    """Tell whether a file of an image could not be read, or was not there."""
    return what is What.LOOK and (not found or str(found[2]).startswith(Problem.UNREADABLE))


def read_far(
    wanted: str, what: What, folder: str, files: Sequence[Plain], sights: Sequence[Plain]
) -> Plain:
    """Read a chunk on a worker; return who it is, how it went, and what was found or is wrong.

    `wanted` is the version of cxrcat that must be here; paths are relative to the folder.
    """
    me = f"{os.getpid()} on {socket.gethostname()}"
    if (own := version("cxrcat")) != wanted:
        return me, Told.UNFIT.value, f"has cxrcat {own}, and {wanted} is needed, as here"
    if not os.path.isdir(folder):  # noqa: PTH112
        return me, Told.UNREAD.value, f"there is no folder {folder}"
    what = What(what)
    here = [(os.path.join(folder, file[0]), *file[1:]) for file in files]  # noqa: PTH118
    for (path, *_), sight in zip(here, sights, strict=True):
        if (seen := sight_of(path)) != tuple(sight):
            return me, Told.UNREAD.value, f"{path} is {'another file' if seen else 'not there'}"
    try:
        found = read(what, here)
    except InputError as error:
        return me, Told.UNREAD.value, str(error)
    except CxrcatError as error:
        return me, Told.UNFIT.value, f"cannot read images: {error}"
    for (path, *_), each in zip(here, found, strict=True):
        if is_unread(what, each):
            return me, Told.UNREAD.value, f"{path} is {each[2] if each else 'not there'}"
    return me, Told.READ.value, found
