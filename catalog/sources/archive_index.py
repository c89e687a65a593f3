"""What a gzip-compressed tar archive holds, and where: read once from end to end, and kept.

The gzip checksum of the whole archive is compared on that pass, and each member's own XXH3-128 is
taken, which tells later whether the bytes at a place are still those. (indexed_gzip by itself takes
an archive that is cut off, or has a wrong byte, for a whole one.)
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, NamedTuple

import xxhash

from ...schemas.errors import InputError, UsageError
from .. import cache
from ..checksums import buffer
from ..progress import Advance
from ..tarballs import BROKEN, Tarball

SPACING = 1 << 22
"""Bytes between two places from which an archive can be decompressed; each takes 32 KiB to keep."""

_STEP = 1 << 25  # bytes after which the seek points follow, from the system's cache of the file
_MOST = 1_000_000  # members; NIH's archives have 10,000
_LONGEST_PATH = 4096  # bytes, as in Linux
_BLOCK = 512  # bytes of a tar header


class Member(NamedTuple):
    """A file in an archive: `offset` in the decompressed archive and `size`, in bytes."""

    path: str
    offset: int
    size: int
    checksum: str

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Index:
    """The files of an archive in its order, and its seek points as indexed_gzip writes them."""

    members: list[Member]
    points: bytes


def load(path: str) -> Index | None:
    """Return the kept index of an archive; None when there is none for the file as it is now.

    Raises `InputError` when the archive cannot be read.
    """
    pinned = _pinned(path)
    data = cache.read(_entry(path))
    if data is None:
        return None
    head, _, points = data.partition(b"\n")
    try:
        facts = json.loads(head)
        if facts["of"] != pinned:
            return None
        return Index([Member(*each) for each in facts["members"]], points)
    except (ValueError, TypeError, KeyError):
        return None


def build(path: str, advance: Advance) -> Index:
    """Read an archive, and keep its index; `advance` is told of the compressed bytes read.

    Raises `InputError` for an archive that is damaged, or made to do harm.
    """
    pinned = _pinned(path)
    try:
        index = _read(path, advance)
    except (*BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: is no whole .tar.gz archive ({reason[:200]}); fetch it again"
        ) from error
    if _pinned(path) != pinned:
        raise InputError(f"{path}: changed while it was read; try again when it is whole")
    head = json.dumps({"of": pinned, "members": index.members}, separators=(",", ":"))
    cache.write(_entry(path), head.encode() + b"\n" + index.points)
    return index


def forget(path: str) -> None:
    """Remove the kept index of an archive."""
    cache.remove(_entry(path))


def open_archive(path: str) -> Any:
    """Open an archive to read it from anywhere, with its seek points where they are kept."""
    opened = _library().IndexedGzipFile(path, spacing=SPACING)
    index = load(path)
    if index is not None and index.points:
        opened.import_index(fileobj=io.BytesIO(index.points))
    return opened


def _entry(path: str) -> str:
    return f"archive-1-{cache.key_of(path)}"


def _pinned(path: str) -> list[object]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a path is a text here
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    # The text is as JSON gives it back, whatever bytes the path is made of.
    return [json.dumps(path), status.st_size, status.st_mtime_ns]


def _library() -> Any:
    try:
        import indexed_gzip
    except ImportError as error:
        raise UsageError("archives need more packages: pip install 'cxrcat[archives]'") from error
    return indexed_gzip


class _Indexed(Tarball):
    """An archive whose seek points follow what is read of it."""

    def __init__(
        self, raw: BufferedReader, stream: gzip.GzipFile, points: Any, advance: Advance
    ) -> None:
        self._points, self._reached = points, 0
        super().__init__(raw, stream, advance)

    def read(self, size: int) -> bytes:
        data = super().read(size)
        if self.came - self._reached >= _STEP:
            self.follow()
        return data

    def follow(self) -> None:
        """Let the seek points reach as far as was read."""
        self._points.seek(self.came)
        self._reached = self.came


def _read(path: str, advance: Advance) -> Index:
    members = []
    with (
        open(path, "rb") as raw,  # noqa: PTH123 - a path is a text here
        gzip.GzipFile(fileobj=raw) as stream,
        _library().IndexedGzipFile(path, spacing=SPACING) as points,
    ):
        archive = _Indexed(raw, stream, points, advance)
        while (info := archive.next()) is not None:
            if info.isreg() and not info.issparse():
                member = Member(info.name, info.offset_data, info.size, _hash(archive, info))
                if len(os.fsencode(info.name)) <= _LONGEST_PATH:
                    members.append(member)
                if len(members) > _MOST:
                    raise tarfile.ReadError(f"it holds more than {_MOST:,} files")
        end = archive.tar.offset
        archive.drain()
        archive.follow()
        points.seek(end)
        if any(points.read(_BLOCK)):  # which tarfile takes for the end
            raise tarfile.ReadError(f"the header at byte {end:,} is damaged")
        written = io.BytesIO()
        points.export_index(fileobj=written)
    return Index(members, written.getvalue())


def _hash(archive: Tarball, info: tarfile.TarInfo) -> str:
    view = buffer()
    hasher = xxhash.xxh3_128()
    with archive.open(info) as stream:
        while count := stream.readinto(view):
            hasher.update(view[:count])
    return hasher.hexdigest()
