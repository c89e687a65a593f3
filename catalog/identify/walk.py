"""Find images in folders, archives and lists of names; what others made is read within bounds."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, NamedTuple

from ...schemas.errors import InputError
from ..scan.ledger import looks_like_image
from .report import Noticed

STANDARD_INPUT = "-"

_ARRAYS = (".npy", ".npz", ".nii", ".nii.gz", ".mha", ".jp2")  # images as trainings keep them
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF8", b"BM", b"RIFF")
_TAR = slice(257, 262)  # where a tar archive says ustar: POSIX.1-1988, section 10.1.1
_HEAD = 512  # bytes
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


class Item(NamedTuple):
    """A file, a member of an archive or a name of a list.

    `path` is what is shown of it, `file` the path by which it can be opened, `size` in bytes.
    `checksum` and `bits` (its fingerprint) are there where they were read on the way. What may be
    no image at all is not `sure`.
    """

    path: str
    name: str
    file: str | None = None
    size: int | None = None
    checksum: str | None = None
    bits: bytes | None = None
    sure: bool = True


@dataclass(slots=True)
class Collected:
    """What was found: images, the number of other files, and what could not be read."""

    items: list[Item] = field(default_factory=list)
    others: int = 0
    unopened: int = 0
    members: int = 0
    problems: list[Noticed] = field(default_factory=list)
    lists: list[tuple[str, BinaryIO | str]] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    zips: list[str] = field(default_factory=list)


def shown(path: str) -> str:
    """Return a path as a text: bytes of it that are none are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def collect(places: Sequence[str], stdin: BinaryIO | None) -> Collected:
    """Look at places: folders are walked, links in them not followed.

    Archives and lists are noted to be read. Raises `InputError` for a place that is not there.
    """
    found = Collected()
    for place in dict.fromkeys(places):
        if place == STANDARD_INPUT:
            if stdin is None:
                raise InputError("there is no standard input; name a folder or a file")
            found.lists.append((place, stdin))
            continue
        try:
            status = os.stat(place)  # noqa: PTH116 - a link that was named is followed
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{place}: cannot be read: {reason}") from error
        if stat.S_ISDIR(status.st_mode):
            _walk(found, place)
        elif stat.S_ISREG(status.st_mode):
            _sort(found, place, status.st_size)
        else:
            found.lists.append((place, place))  # a pipe, say
    return found


def is_image(name: str) -> bool:
    """Tell whether a file's name is that of some image."""
    return looks_like_image(name) or name.casefold().endswith(_ARRAYS)


def _walk(found: Collected, folder: str) -> None:
    """Note what is in a folder; of links the name alone counts."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                every = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(Noticed(shown(place), f"cannot be read: {error.strerror}"))
            continue
        for entry in every:
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    _note(found, entry)
            except OSError as error:
                found.problems.append(
                    Noticed(shown(entry.path), f"cannot be read: {error.strerror}")
                )


def _note(found: Collected, entry: os.DirEntry[str]) -> None:
    name, regular = entry.name, entry.is_file(follow_symlinks=False)
    folded = name.casefold()
    if not regular and not entry.is_symlink():
        found.others += 1
    elif is_image(name) or "." not in name:
        size = entry.stat(follow_symlinks=False).st_size if regular else None
        file = entry.path if regular else None
        found.items.append(Item(shown(entry.path), name, file, size, sure="." in name))
    elif regular and folded.endswith(".zip"):
        found.zips.append(entry.path)
    else:
        found.unopened += regular and folded.endswith(_ARCHIVES)
        found.others += 1


def _sort(found: Collected, path: str, size: int) -> None:
    """Note a file that was named: an archive, an image or a list."""
    name = path.rpartition("/")[2]
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - a plain path, as it was given
            head = stream.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    inside = _beginning(head) if head.startswith(_GZIP) else head
    if head.startswith(_ZIP):
        found.zips.append(path)
    elif inside[_TAR] == b"ustar":
        found.archives.append(path)
    elif is_image(name) or head.startswith(_MAGIC) or head[128:132] == b"DICM":
        found.items.append(Item(shown(path), name, path, size))
    elif b"\0" in inside:
        raise InputError(f"{path}: is no image, no .zip or .tar archive and no list of names")
    else:
        found.lists.append((path, path))


def _beginning(packed: bytes) -> bytes:
    """Return what the first bytes of a gzip file stand for."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, _HEAD)
    except zlib.error:
        return b"\0"


def lines(place: str, source: BinaryIO | str, most: int) -> Iterator[str]:
    """Yield the lines of a list, decompressed where it is a gzip file.

    Raises `InputError` when it cannot be read, has more than `most` bytes or is no text.
    """
    try:
        if isinstance(source, str):
            with open(source, "rb") as stream:  # noqa: PTH123 - a plain path, as it was given
                data = stream.read(most + 1)
        else:
            data = source.read(most + 1)
        if data.startswith(_GZIP):
            data = gzip.GzipFile(fileobj=BytesIO(data)).read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{place}: cannot be read: {reason}") from error
    if len(data) > most:
        raise InputError(
            f"{place}: is longer than {most:,} bytes; name the images in several lists"
        )
    if b"\0" in data:
        raise InputError(f"{place}: is no text; write a name a line")
    yield from data.decode("utf-8-sig", "surrogateescape").splitlines()
