"""Where an export grows until it is complete, and the one rename that publishes it.

The staging folder stands beside the destination, so that the rename is atomic, and holds a lock
while its run is alive. A killed run leaves nothing at the destination; the next run towards the
same destination finds the lock free and removes what was left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...schemas.errors import SourceError, UsageError

_PART = ".cxrcat-part-"
_OLD = ".cxrcat-old-"

EXPORT = "export"
"""What is written, unless it is said to be something else."""

_TRIES, _PAUSE = 20, 0.05  # seconds; the batch of a thread is written in less than one of them

KEPT = ".cxrcat-fetched"
"""Ends the name of the folder that keeps what an export fetched from afar before it broke off."""


@contextmanager
def staged(destination: Path, export_id: str, what: str = EXPORT) -> Iterator[Path]:
    """Give an empty folder on the destination's file system; remove it unless it was published.

    `what` says in errors what is being written.

    Raises `SourceError` when it cannot be made, and `UsageError` while another run is writing
    towards the same destination.
    """
    parent = destination.parent
    made = [place for place in (parent, *parent.parents) if not place.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with _locked(_lock_of(destination), destination, what):
            _clean(destination)
            folder = parent / f".{destination.name}{_PART}{export_id}"
            folder.mkdir()
            try:
                yield folder
            finally:
                _clean(destination)
    except OSError as error:
        raise SourceError(_words(error, destination, what)) from error
    finally:
        for place in made:  # the nearest first; one that is not empty stays
            with contextlib.suppress(OSError):
                place.rmdir()


def is_busy(destination: Path) -> bool:
    """Tell whether a run is writing towards a destination at this moment."""
    try:
        descriptor = os.open(_lock_of(destination), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def publish(folder: Path, destination: Path, replace: bool) -> None:
    """Rename the complete folder to its destination; everything in it is on disk before.

    With `replace`, the folder that stands there is moved aside first; the end of `staged` removes
    it, or brings it back when the new one could not take its place.
    """
    for place, _, _ in os.walk(folder):
        _sync(place)
    old = destination.with_name(f".{destination.name}{_OLD}{folder.name.rpartition('-')[2]}")
    if replace and destination.exists():
        destination.rename(old)
    folder.rename(destination)
    _sync(destination.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file whole and on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _lock_of(destination: Path) -> Path:
    return destination.parent / f".{destination.name}.cxrcat-lock"


@contextmanager
def _locked(path: Path, destination: Path, what: str) -> Iterator[None]:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    break
        except BlockingIOError as error:
            os.close(descriptor)
            raise UsageError(
                f"{destination}: another {what} is being written there; wait for it to end"
            ) from error
        os.close(descriptor)  # its holder removed it between our two calls: take a new one
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held, so that nobody else holds what is removed
        os.close(descriptor)


def _clean(destination: Path) -> None:
    """Remove what runs left that did not end; bring back a folder that one had moved aside."""
    for left in sorted(destination.parent.glob(f".{_escaped(destination.name)}.cxrcat-*")):
        if left.name.startswith(f".{destination.name}{_OLD}") and not destination.exists():
            left.rename(destination)
        elif left.name == f".{destination.name}{KEPT}":
            continue
        elif left.is_dir() and not left.is_symlink():
            _remove(left)


def _remove(folder: Path) -> None:
    """Remove a folder, also when a thread that an interrupt tore off still writes a file there."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _sync(folder: Path | str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: OSError, destination: Path, what: str) -> str:
    place = error.filename or destination
    nothing = "nothing was exported" if what == EXPORT else "nothing was written"
    return f"{place}: cannot be written: {error.strerror or error}; {nothing}"
