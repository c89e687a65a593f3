"""Find images in .zip and .tar archives: the names of their members, and their bytes if asked for.

Nothing is unpacked to the disk, and no archive may make much out of little.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, BinaryIO

import xxhash

from ...schemas.errors import InputError
from .. import fingerprints
from ..progress import Progress
from ..tarballs import BROKEN, LARGEST, Tarball
from .names import base_of
from .report import Noticed
from .walk import Collected, Item, is_image, shown

_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20  # bytes
_RATIO, _FREE = 20, 1 << 26  # bytes that may come of a byte, and before that counts
_LARGEST_DIRECTORY = 1 << 25  # bytes of the list of a .zip archive's members: half a million
_END = struct.Struct("<4s4H2LH")  # PKWARE's APPNOTE.TXT, section 4.3.16
_LOCATOR, _END_64 = struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")  # 4.3.15 and 4.3.14
_TAIL = _LOCATOR.size + _END.size + (1 << 16)  # bytes in which the end stands

_BAD_ZIP = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError),
    *(OverflowError, LookupError, struct.error, UnicodeError),
)


class Reader:
    """Reads members: each one's checksum, and how it looks where that is wanted."""

    def __init__(self, found: Collected, contents: bool, looks: bool) -> None:
        self._found, self.contents, self._looks = found, contents, looks

    def add(self, path: str, member: str, size: int, opened: Callable[[], IO[bytes]]) -> int:
        """Note a member if it is an image; return how many bytes of it were read."""
        name = base_of(member)
        if not is_image(name):
            self._found.others += 1
            return 0
        place = shown(f"{path}#{member}")
        item = Item(place, name, size=size)
        if self.contents and size > LARGEST:
            self._found.problems.append(Noticed(place, f"announces {size:,} bytes"))
        elif self.contents:
            item = self._read(item, opened)
        self._found.items.append(item)
        self._found.members += not self.contents
        return item.size or 0 if self.contents else 0

    def _read(self, item: Item, opened: Callable[[], IO[bytes]]) -> Item:
        kept, hasher, size = io.BytesIO(), xxhash.xxh3_128(), 0
        with opened() as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > LARGEST:
                    self._found.problems.append(Noticed(item.path, "has more bytes than any image"))
                    return item._replace(size=size)
                hasher.update(block)
                if self._looks:
                    kept.write(block)
        bits = None
        if self._looks:
            kept.seek(0)
            try:
                bits = fingerprints.of_stream(kept, "it")
            except InputError as error:
                self._found.problems.append(Noticed(item.path, str(error).removeprefix("it: ")))
        return item._replace(size=size, checksum=f"xxh128:{hasher.hexdigest()}", bits=bits)


def read_archives(found: Collected, contents: bool, looks: bool, progress: Progress) -> None:
    """Note the images in the archives that were found, and read them if `contents` is wanted."""
    reader = Reader(found, contents, looks)
    with fingerprints.quiet():
        for path in found.zips:
            with _noting(found, path, (OSError, *_BAD_ZIP)):
                _zip(reader, path)
        for path in found.archives:
            with _noting(found, path, (OSError, *BROKEN)):
                _tar(reader, path, progress)


@contextmanager
def _noting(found: Collected, path: str, broken: tuple[type[Exception], ...]) -> Iterator[None]:
    """Note what is wrong with an archive; what came of it before that is kept."""
    try:
        yield
    except broken as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        text = reason[:160] or type(error).__name__
        found.problems.append(Noticed(shown(path), f"is no whole archive: {text}"))


def _zip(reader: Reader, path: str) -> None:
    with open(path, "rb") as raw:  # noqa: PTH123
        size = os.fstat(raw.fileno()).st_size
        if _directory(raw, size) > _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("it lists more members than can be looked at")
        left = _FREE + _RATIO * size
        with zipfile.ZipFile(raw) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                if reader.contents and info.file_size > left:
                    raise zipfile.BadZipFile(f"{size:,} bytes of it become too many")
                left -= reader.add(path, info.filename, info.file_size, partial(archive.open, info))


def _directory(raw: BinaryIO, size: int) -> int:
    """Return how many bytes the list of the members has; zipfile reads it whole."""
    raw.seek(max(0, size - _TAIL))
    tail = raw.read(_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("it has no end")
    length = int(_END.unpack_from(tail, at)[5])
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(b"PK\x06\x07"):
        place = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)[2]
        if place + _END_64.size > size:
            raise zipfile.BadZipFile("its end is elsewhere")
        raw.seek(place)
        length = max(length, int(_END_64.unpack(raw.read(_END_64.size))[8]))
    return length


def _tar(reader: Reader, path: str, progress: Progress) -> None:
    with open(path, "rb") as raw:  # noqa: PTH123
        size = os.fstat(raw.fileno()).st_size
        packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        with progress.task("reading", size, "bytes") as advance:
            archive = Tarball(raw, stream, advance)
            while (member := archive.next()) is not None:
                if member.isreg() and not member.issparse():
                    name, length = member.name, member.size
                    reader.add(path, name, length, partial(archive.open, member))
