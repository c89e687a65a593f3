"""Read the files of images, each once: checksum, and what is wrong with the bytes."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import xxhash

from ...schemas.errors import InputError
from .. import fingerprints
from ..checksums import buffer, read_ahead
from ..replicas import INODES, Problem
from .png import Png

_TICK = 20_000_000  # nanoseconds; times of files go forward by 10 ms in Linux, at the longest
_COARSE = 2_000_000_000  # of file systems that know whole seconds alone, or every other one
_SECOND = 1_000_000_000
_MARK = slice(128, 132)  # where a DICOM file says DICM: PS3.10, section 7.1


class File(NamedTuple):
    """A file to be read; `pixels` is the width and height that a PNG must have.

    `look` asks how the image looks, too.
    """

    path: str
    dicom: bool
    pixels: tuple[int, int]
    look: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A file as it was read: `size` in bytes, `modified` in nanoseconds, `bits` its fingerprint.

    `modified` and `inode` are None where they cannot tell whether the file changes from now on.
    """

    size: int
    checksum: str | None
    problem: str | None
    modified: int | None = None
    inode: int | None = None
    uids: tuple[str | None, str | None, str | None] = (None, None, None)
    bits: bytes | None = None


class Inspector:
    """Hashes the bytes of an image as they come, and tells what is wrong with them."""

    def __init__(self, dicom: bool, pixels: tuple[int, int]) -> None:
        self.size = 0
        self._dicom, self._pixels = dicom, pixels
        self._hasher = xxhash.xxh3_128()
        self._png = Png()
        self._head = b""

    def feed(self, block: memoryview) -> None:
        """Take the next block."""
        self._hasher.update(block)
        self.size += len(block)
        if not self._dicom:
            self._png.feed(block)
        elif len(self._head) < _MARK.stop:
            self._head += bytes(block[: _MARK.stop])

    @property
    def checksum(self) -> str:
        """The checksum of all that came."""
        return f"xxh128:{self._hasher.hexdigest()}"

    def problem(self) -> str | None:
        """Return what is wrong with all that came; None when it is a whole image."""
        if self._dicom:
            whole = self._head[_MARK] == b"DICM"
            return None if whole else Problem.DAMAGED.of("is not a DICOM file")
        if said := self._png.problem(self.size):
            return Problem.DAMAGED.of(said)
        here = (self._png.width, self._png.height)
        if here != self._pixels:
            (width, height), (wanted, high) = here, self._pixels
            return Problem.SIZE.of(f"has {width} × {height} pixels, not {wanted} × {high}")
        return None


def look_at(files: Sequence[File]) -> list[Look | None]:
    """Read files, the disk being told of all before the first is read.

    None stands for one that is there no longer.
    """
    opened = [_open(file.path) for file in files]
    try:
        return [_look(file, each) for file, each in zip(files, opened, strict=True)]
    finally:
        for each in opened:
            if isinstance(each, int):
                os.close(each)


def _open(path: str) -> int | OSError:
    try:
        # Not to wait for whoever writes to a pipe that has taken the file's place.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        read_ahead(descriptor)
    except OSError as error:
        return error
    return descriptor


def _look(file: File, opened: int | OSError) -> Look | None:
    if isinstance(opened, FileNotFoundError):
        return None
    try:
        if isinstance(opened, OSError):
            raise opened
        return _read(file, opened)
    except OSError as error:
        return Look(0, None, Problem.UNREADABLE.of(f"cannot be read: {error.strerror}"))


def _read(file: File, descriptor: int) -> Look | None:
    now = time.time_ns()
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        return None
    inspector = Inspector(file.dicom, file.pixels)
    view = buffer()
    while count := os.readv(descriptor, [view]):
        inspector.feed(view[:count])
    after = os.fstat(descriptor)
    problem = inspector.problem()
    steady = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not steady or after.st_size != inspector.size:
        problem = Problem.DAMAGED.of("changed while it was read; scan again")
    uids: tuple[str | None, str | None, str | None] = (None, None, None)
    if file.dicom and problem is None:
        from ..dicom import check_instance, uids_of

        try:
            uids = own = uids_of(file.path)
            check_instance(file.path, own, file.path)
        except InputError as error:
            problem = Problem.DAMAGED.of(str(error).removeprefix(f"{file.path}: "))
    bits = None
    if file.look and may_be_looked_at(problem):
        try:
            bits = fingerprints.of_file(file.path, file.path)
        except InputError as error:
            if not file.dicom and problem is None:
                problem = Problem.DAMAGED.of(str(error).removeprefix(f"{file.path}: "))
    known = steady and _is_settled(after.st_mtime_ns, now)
    return Look(
        size=inspector.size,
        checksum=inspector.checksum,
        problem=problem,
        modified=after.st_mtime_ns if known else None,
        inode=after.st_ino & INODES if known else None,
        uids=uids,
        bits=bits,
    )


def may_be_looked_at(problem: str | None) -> bool:
    """Tell whether a file with such a problem is a whole picture all the same."""
    return problem is None or problem.startswith(Problem.SIZE)


def _is_settled(modified: int, now: int) -> bool:
    """Tell whether a later change would give the file another time than it has now."""
    return now - modified > (_TICK if modified % _SECOND else _COARSE)
