"""Copy or link images into an export, hashing each; every byte is read once."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

import xxhash

from ...schemas.checksum import Checksum
from ...schemas.errors import InputError, SourceError
from ..checksums import buffer, write_out
from ..progress import Advance, Progress
from ..sources.folder import Found

_AHEAD = 64  # batches that are begun ahead of the oldest that is not done
_FILES, _BYTES = 16, 1 << 19  # that a batch has at most, or one larger image
_BLOCK = 1 << 16  # bytes that are read, hashed and written while a core's cache still holds them
THREADS = 2  # more of them mostly wait for the folder in which the files are made
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_TAIL = b"\x00\x00\x00\x00IEND\xaeB`\x82"


class ImageMode(StrEnum):
    """What an export does with the images."""

    NONE = "none"
    COPY = "copy"
    HARDLINK = "hardlink"


@dataclass(frozen=True, slots=True)
class Transferred:
    """An image as it was read: its name, its source, its size in bytes and its checksum."""

    name: str
    source: str
    size: int
    checksum: Checksum


def transfer(
    found: Mapping[str, Found], folder: Path, mode: ImageMode, progress: Progress
) -> dict[str, Transferred]:
    """Bring the images into `folder`, and return each as it was read.

    Copies are on disk at the end: the system is asked to write each out as soon as it is whole, and
    waited for once all are, which is far cheaper than to wait for one after another. Raises
    `InputError` for an image that cannot be read or is not a whole PNG, and `OSError` when it
    cannot be written. Nothing is published by this; the caller removes the folder.
    """
    done: dict[str, Transferred] = {}
    total = sum(each.size for each in found.values())
    label = {"copy": "copying", "hardlink": "linking"}.get(mode, "reading")
    with (
        progress.task(label, total, "bytes") as advance,
        ThreadPoolExecutor(THREADS, thread_name_prefix="transfer") as pool,
    ):
        waiting: deque[Future[list[Transferred]]] = deque()
        try:
            for batch in _batches(found):
                waiting.append(pool.submit(_some, batch, folder, mode))
                if len(waiting) >= _AHEAD:
                    _finish(waiting.popleft(), done, advance)
            while waiting:
                _finish(waiting.popleft(), done, advance)
            if mode is ImageMode.COPY:
                deque(pool.map(_wait_for_disk, _paths(folder, done)), maxlen=0)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _finish(job: Future[list[Transferred]], done: dict[str, Transferred], advance: Advance) -> None:
    for each in job.result():
        done[each.name] = each
        advance(each.size)


def _batches(found: Mapping[str, Found]) -> Iterator[list[tuple[str, Found]]]:
    batch: list[tuple[str, Found]] = []
    size = 0
    for name, each in found.items():
        if batch and (len(batch) == _FILES or size + each.size > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, each))
        size += each.size
    if batch:
        yield batch


def _some(batch: list[tuple[str, Found]], folder: Path, mode: ImageMode) -> list[Transferred]:
    return [_one(name, each, f"{folder}/{name}", mode) for name, each in batch]


def _one(name: str, found: Found, target: str, mode: ImageMode) -> Transferred:
    try:
        source = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{found.path}: cannot be read: {error.strerror}") from error
    try:
        if mode is ImageMode.HARDLINK:
            _link(found.path, target)
            checksum, size = _read(source, found.path, None)
        else:
            copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                checksum, size = _read(source, found.path, copy)
                write_out(copy)
            finally:
                os.close(copy)
    finally:
        os.close(source)
    return Transferred(name, found.path, size, checksum)


def _paths(folder: Path, names: Iterable[str]) -> Iterator[list[str]]:
    every = iter(names)
    while some := list(islice(every, _FILES)):
        yield [f"{folder}/{name}" for name in some]


def _wait_for_disk(paths: list[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(source: int, path: str, copy: int | None) -> tuple[Checksum, int]:
    """Hash a file, writing it to `copy` on the way, and check that it is a whole PNG."""
    view = buffer()[:_BLOCK]
    hasher = xxhash.xxh3_128()
    size = 0
    tail = b""
    while True:
        try:
            count = os.readv(source, [view])
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        if not count:
            break
        block = view[:count]
        if not size and bytes(block[: len(_PNG_HEAD)]) != _PNG_HEAD:
            raise InputError(f"{path}: is not a PNG image; fetch it again")
        hasher.update(block)
        written = 0
        while copy is not None and written < count:
            written += os.write(copy, block[written:])
        tail = (tail + bytes(block[-len(_PNG_TAIL) :]))[-len(_PNG_TAIL) :]
        size += count
    if tail != _PNG_TAIL:
        raise InputError(f"{path}: is cut off after {size} bytes; fetch it again")
    return Checksum("xxh128", hasher.hexdigest()), size


def _link(path: str, target: str) -> None:
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise SourceError(
                f"{path}: cannot be linked to ({error.strerror}); export with --images copy"
            ) from error
        raise
