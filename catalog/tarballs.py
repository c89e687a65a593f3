"""Read tar archives that may have been made to do harm: from end to end, and within bounds."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from io import BufferedReader
from typing import Protocol, cast

from .checksums import BUFFER
from .progress import Advance

LARGEST = 1 << 28
"""Bytes that a member may have to be an image: NIH's have 4 MiB when they are not compressed."""

BROKEN = (
    tarfile.TarError,
    zlib.error,
    gzip.BadGzipFile,
    EOFError,
    ValueError,
    OverflowError,
    LookupError,
    RecursionError,
)
"""What reading a damaged archive may raise."""

_RATIO = 20  # bytes that a byte may become: PNG becomes 1, raw pixels with black borders up to 10
_FREE = 1 << 26  # bytes that may come before the ratio counts: tiny files compress far better
_HEADERS = 1 << 23  # bytes that may stand between two files: names, attributes, a link, a folder


class _Readable(Protocol):
    def read1(self, size: int = -1, /) -> bytes: ...


class Tarball:
    """An open archive, decompressed by `stream` from `raw`, as long as not too much comes of it.

    `advance` is told of the bytes of `raw`. Raises one of `BROKEN`, or `OSError`.
    """

    def __init__(self, raw: BufferedReader, stream: _Readable, advance: Advance) -> None:
        self._raw, self._stream, self._advance = raw, stream, advance
        self._told = 0
        self._headers: int | None = 0  # bytes since the last file ended; None while one is read
        self.came = 0
        # A stream is only ever read, whatever else the types ask of one.
        self.tar = tarfile.open(fileobj=self, mode="r|", bufsize=BUFFER)  # type: ignore[call-overload] # noqa: SIM115 - nothing of it stays open

    def read(self, size: int) -> bytes:
        """Return the next bytes; what comes before damage is not lost with it."""
        data = self._stream.read1(size)
        self.came += len(data)
        here = self._raw.tell()
        self._advance(here - self._told)
        self._told = here
        if self.came > _FREE + _RATIO * here:
            raise tarfile.ReadError(f"{here:,} bytes of it become {self.came:,}")
        if self._headers is not None:
            self._headers += len(data)
            if self._headers > _HEADERS:
                raise tarfile.ReadError(
                    f"more than {_HEADERS:,} bytes stand between two of its files"
                )
        return data

    def next(self) -> tarfile.TarInfo | None:
        """Return the next member of any kind, None at the end; no list of them is kept."""
        self._headers = 0
        info = cast("tarfile.TarInfo | None", self.tar.next())
        self._headers = None
        self.tar.members = []
        if info is not None and info.size < 0:
            raise tarfile.ReadError(f"a file of {info.size} bytes")
        return info

    def open(self, member: tarfile.TarInfo) -> BufferedReader:
        """Return the bytes of a regular member, which must be read before the next one."""
        return cast(BufferedReader, self.tar.extractfile(member))

    def drain(self) -> None:
        """Read what follows the archive's end: the gzip checksum is behind it."""
        self._headers = None
        while self.read(BUFFER):
            pass
