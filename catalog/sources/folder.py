"""Images in a local folder, in any nesting."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import InputError


@dataclass(frozen=True, slots=True)
class Found:
    """A file that has an image's name: its path and its size in bytes."""

    path: str
    size: int


def find_images(folder: Path, names: Iterable[str]) -> dict[str, Found]:
    """Return where each of the names lies under `folder`; those that are nowhere are left out.

    Links are followed, each folder once. Raises `InputError` when the folder cannot be read, or
    when one name stands for files of different sizes, as with resized copies beside the originals.
    """
    wanted = set(names)
    found: dict[str, Found] = {}
    seen: set[tuple[int, int]] = set()
    waiting = [str(folder)]
    while waiting:
        place = waiting.pop()
        try:
            status = os.stat(place)  # noqa: PTH116 - no path object an entry
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name in wanted and _is(entry.is_file):
                        _add(found, entry)
                    elif _is(entry.is_dir):
                        waiting.append(entry.path)
        except OSError as error:
            raise InputError(f"{place}: cannot be read: {error.strerror}") from error
    return found


def _is(kind: Callable[[], bool]) -> bool:
    """Ask what an entry is; a link that leads nowhere but to itself is nothing."""
    try:
        return kind()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _add(found: dict[str, Found], entry: os.DirEntry[str]) -> None:
    here = Found(entry.path, entry.stat().st_size)
    before = found.setdefault(entry.name, here)
    if before.size != here.size:
        raise InputError(
            f"{entry.name} is there twice, as {before.path} of {before.size} bytes and "
            f"{here.path} of {here.size} bytes; name the folder that holds the right ones"
        )
