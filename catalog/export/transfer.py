"""Bring images into an export, hashing each; every byte is read once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from itertools import islice
from pathlib import Path

from ..progress import Progress
from ..sources.base import Found, Source, Transferred, file_of

_AHEAD = 64  # batches that are begun ahead of the oldest that is not done
_FILES, _BYTES = 16, 1 << 19  # that a batch has at most, or one larger image


class ImageMode(StrEnum):
    """What an export does with the images."""

    NONE = "none"
    COPY = "copy"
    HARDLINK = "hardlink"
    REWRITE = "rewrite"


def transfer(
    source: Source,
    found: Mapping[str, Found],
    folder: Path,
    mode: ImageMode,
    progress: Progress,
    done: Callable[[Transferred], None],
) -> None:
    """Bring the images into `folder`, and hand each to `done` as it was received.

    Copies are on disk at the end: the system is asked to write each out as soon as it is whole, and
    waited for once all are, which is far cheaper than to wait for one after another. Raises
    `InputError` for an image that cannot be read or is not whole, `SourceError` when a service
    fails, and `OSError` when it cannot be written. Nothing is published by this; the caller removes
    the folder.
    """
    total = sum(each.size or 0 for each in found.values())
    label = "linking" if mode is ImageMode.HARDLINK else "fetching" if source.remote else "copying"
    link = mode is ImageMode.HARDLINK

    def some(batch: list[tuple[str, Found]]) -> list[Transferred]:
        brought = []
        for name, each in batch:
            file = file_of(name, source.media_type)
            size, checksum = source.bring(name, each, f"{folder}/{file}", link)
            brought.append(Transferred(name, file, each, size, checksum))
        return brought

    with (
        progress.task(label, total, "bytes") as advance,
        ThreadPoolExecutor(source.threads, thread_name_prefix="transfer") as pool,
    ):

        def finish(job: Future[list[Transferred]]) -> None:
            for each in job.result():
                done(each)
                files.append(each.file)
                advance(each.size)

        files: list[str] = []
        waiting: deque[Future[list[Transferred]]] = deque()
        try:
            for batch in _batches(found, 1 if source.remote else _FILES):
                waiting.append(pool.submit(some, batch))
                if len(waiting) >= _AHEAD:
                    finish(waiting.popleft())
            while waiting:
                finish(waiting.popleft())
            if mode is ImageMode.COPY:
                deque(pool.map(_wait_for_disk, _paths(folder, files)), maxlen=0)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            _hand_over(waiting, done)
            raise


def _hand_over(
    waiting: Iterable[Future[list[Transferred]]], done: Callable[[Transferred], None]
) -> None:
    """Hand over what was received beside the image that failed."""
    for job in waiting:
        if job.done() and not job.cancelled() and job.exception() is None:
            for each in job.result():
                done(each)


def _batches(found: Mapping[str, Found], files: int) -> Iterator[list[tuple[str, Found]]]:
    batch: list[tuple[str, Found]] = []
    size = 0
    for name, each in found.items():
        if batch and (len(batch) == files or size + (each.size or _BYTES) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, each))
        size += each.size or _BYTES
    if batch:
        yield batch


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
