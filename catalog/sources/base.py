"""What a source of images is, and how the bytes of an image are received from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import xxhash

from ...schemas.checksum import Checksum
from ...schemas.descriptor import SourceSpec
from ...schemas.errors import InputError
from ..checksums import write_out
from ..progress import Progress

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_TAIL = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_DICOM_MARK = slice(128, 132)  # where a DICOM file says DICM: PS3.10, section 7.1


@dataclass(frozen=True, slots=True)
class Found:
    """An image at a source.

    `address` is a path or a URI, `size` in bytes where the source tells it before the bytes come,
    `version` what pins the bytes (a generation, say), and `stored` the source's own checksum, as
    ``crc32c:…`` in hexadecimal.
    """

    address: str
    size: int | None
    version: str | None = None
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """An image as it was received: `file` is its name in the export, `checksum` of what came."""

    name: str
    file: str
    found: Found
    size: int
    checksum: Checksum


class Source(Protocol):
    """A place from which images can be had.

    `slug` is what is recorded: the name in the descriptor, else ``folder``. `place` names it in
    messages. `spec` is its entry in the descriptor, which says what its use owes. What a `remote`
    one sent is kept when an export breaks off. `paid_by` is the project that its owner bills for
    every transfer, None where nobody is billed. `remark` says, after `find`, why images were not
    found, where there is more to say than that they are not here.
    """

    slug: str
    place: str
    spec: SourceSpec | None
    media_type: str
    remote: bool
    threads: int
    paid_by: str | None
    remark: str

    def find(self, names: Sequence[str], progress: Progress) -> Mapping[str, Found]:
        """Return where each image is; those that are not here are left out.

        Raises `InputError` for a place that is not what it should be, and `SourceError` when a
        service fails.
        """
        ...

    def bring(self, name: str, found: Found, target: str, link: bool) -> tuple[int, Checksum]:
        """Write an image to a new file, whole, and return its size in bytes and its checksum.

        `link` asks for a hard link. May be called from several threads. Raises `InputError` for
        bytes that are no image, and `SourceError` when a service fails.
        """
        ...

    def uri_of(self, found: Found) -> str:
        """Return the address as a URI, with what pins the bytes."""
        ...

    def public_uri(self, name: str, found: Found) -> str | None:
        """Return where others can have these bytes; None when only this machine can."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def file_of(name: str, media_type: str) -> str:
    """Return an image's file name: a DICOM instance of ``a.png`` is ``a.dcm``."""
    return name.rsplit(".", 1)[0] + ".dcm" if media_type == "application/dicom" else name


class Shape:
    """Tells whether bytes that come block by block are a whole image."""

    def __init__(self, media_type: str, place: str) -> None:
        self._png = media_type == "image/png"
        self._dicom = media_type == "application/dicom"
        self._place = place
        self._head = b""
        self._tail = b""

    def feed(self, block: memoryview) -> None:
        """Look at the next block; raise `InputError` when this cannot be such an image."""
        if self._png:
            if not self._head:
                self._head = bytes(block[: len(_PNG_HEAD)])
                if self._head != _PNG_HEAD[: len(self._head)]:
                    raise InputError(f"{self._place}: is not a PNG image; fetch it again")
            self._tail = (self._tail + bytes(block[-len(_PNG_TAIL) :]))[-len(_PNG_TAIL) :]
        elif self._dicom and len(self._head) < _DICOM_MARK.stop:
            self._head += bytes(block[: _DICOM_MARK.stop])

    def check(self, size: int) -> None:
        """Raise `InputError` unless all that came is a whole image."""
        if self._png and self._tail != _PNG_TAIL:
            raise InputError(f"{self._place}: is cut off after {size} bytes; fetch it again")
        if self._dicom and self._head[_DICOM_MARK] != b"DICM":
            raise InputError(f"{self._place}: is not a DICOM file; fetch it again")


class Receiver:
    """A new file that hashes and checks what is written to it; removed unless it is finished.

    Serves libraries that want a binary file to write to.
    """

    def __init__(self, target: str, media_type: str, place: str) -> None:
        self._target, self._media_type, self._place = target, media_type, place
        self._begin()
        self._file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
        if not self._finished:
            os.unlink(self._target)  # noqa: PTH108 - no path object an image

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._size

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes, all of them."""
        block = memoryview(data)
        self._shape.feed(block)
        self._hasher.update(block)
        written = 0
        while written < len(block):
            written += os.write(self._file, block[written:])
        self._size += written
        return written

    def restart(self) -> None:
        """Forget what has come, to receive it once more."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self._begin()

    def finish(self, size: int | None = None) -> tuple[int, Checksum]:
        """Check that the image is whole and has the size that was announced; keep the file."""
        if size is not None and size != self._size:
            raise InputError(
                f"{self._place}: {self._size:,} bytes came and {size:,} were announced; "
                "fetch it again"
            )
        self._shape.check(self._size)
        write_out(self._file)
        self._finished = True
        return self._size, Checksum("xxh128", self._hasher.hexdigest())

    def _begin(self) -> None:
        self._shape = Shape(self._media_type, self._place)
        self._hasher = xxhash.xxh3_128()
        self._size = 0
