"""XXH3-128 of files, read once each through one page-aligned buffer.

Where the buffer lies decides the speed: the kernel copies into a buffer whose address is 16 modulo
32, as that of a bytes object is, about four times slower than into a page-aligned one.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import xxhash

from ..schemas.checksum import Checksum
from ..schemas.errors import InputError

BUFFER = 1 << 20  # bytes
_THREADS = 2  # more of them mostly wait for one another
_BATCH = 64  # files that a thread takes at a time

File = TypeVar("File")
Outcome = TypeVar("Outcome")

_local = threading.local()


def buffer() -> memoryview:
    """Return this thread's page-aligned buffer; it is reused from file to file."""
    view: memoryview | None = getattr(_local, "view", None)
    if view is None:
        view = _local.view = memoryview(mmap.mmap(-1, BUFFER))
    return view


def of_descriptor(descriptor: int) -> tuple[Checksum, int]:
    """Return the checksum and the size of what can still be read from an open file."""
    view = buffer()
    hasher = xxhash.xxh3_128()
    size = 0
    while count := os.readv(descriptor, [view]):
        hasher.update(view[:count])
        size += count
    return Checksum("xxh128", hasher.hexdigest()), size


def of_file(path: Path | str) -> Checksum:
    """Return the checksum of a file; raise `InputError` when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return of_descriptor(descriptor)[0]
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def of_files(paths: Sequence[str]) -> Iterator[Checksum]:
    """Yield the checksum of each file, in order; raise `InputError` when one cannot be read."""
    return (checksum for checksum, _ in read_each(paths, of_descriptor))


def read_each(
    paths: Sequence[str], read: Callable[[int], Outcome], threads: int = _THREADS
) -> Iterator[Outcome]:
    """Yield what `read` makes of each open file, in order.

    The disk is told of a batch of files before the first of them is read, so that it is not
    waited for once a file. Raises `InputError` when one cannot be read.
    """
    return in_batches(paths, lambda some: _read_batch(some, read), threads)


def in_batches(
    files: Sequence[File],
    read: Callable[[Sequence[File]], Iterable[Outcome]],
    threads: int = _THREADS,
) -> Iterator[Outcome]:
    """Yield what reading each file gives, in order; batches of them are read in a few threads."""
    batches = (files[start : start + _BATCH] for start in range(0, len(files), _BATCH))
    with ThreadPoolExecutor(threads, thread_name_prefix="checksums") as pool:
        try:
            for outcomes in pool.map(read, batches):
                yield from outcomes
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_batch(paths: Sequence[str], read: Callable[[int], Outcome]) -> list[Outcome]:
    outcomes = []
    opened: list[int] = []
    try:
        for path in paths:
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            read_ahead(opened[-1])
        for path, descriptor in zip(paths, opened, strict=True):  # noqa: B007 - named below
            outcomes.append(read(descriptor))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return outcomes


def read_ahead(descriptor: int) -> None:
    """Tell the system that a file will be read, where there is a way to tell it."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)


def write_out(descriptor: int) -> None:
    """Ask the system to begin to write a file to the disk, where there is a way to ask it.

    On Linux this advice starts that for what is not written yet, and does not wait for it.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def of_bytes(data: bytes) -> Checksum:
    """Return the checksum of what is in memory."""
    return Checksum("xxh128", xxhash.xxh3_128_hexdigest(data))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, for the formats that demand it, as hexadecimal digits."""
    from cryptography.hazmat.primitives.hashes import SHA256, Hash

    hasher = Hash(SHA256())
    with path.open("rb") as stream:
        while data := stream.read(BUFFER):
            hasher.update(data)
    return hasher.finalize().hex()


def names_checksum(names: Iterable[str]) -> str:
    """Return the XXH3-128 of names, one a line, as ``xxh128:…``."""
    hasher = xxhash.xxh3_128()
    every = iter(names)
    while batch := list(islice(every, 10_000)):
        hasher.update(("\n".join(batch) + "\n").encode())
    return f"xxh128:{hasher.hexdigest()}"
