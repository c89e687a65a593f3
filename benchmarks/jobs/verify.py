"""Reading an export again to find what is changed, missing or extra."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, clear, images, subset_of
from measure import Contender, Job, Race, call, installed, peer

_SIZES = (  # name, files, bytes each, goal
    ("big", 500, 400_000, None),
    ("big", 5_000, 400_000, 1.0),
    ("small", 2_000, 20_000, None),
    ("small", 20_000, 20_000, 1.3),
)


def prepare(folder: Path) -> Iterator[Race]:
    """Export few large images and many small ones, and check them while they are cached."""
    store = catalog(folder)
    cxrcat, xxhsum = installed("cxrcat"), peer("xxhsum", "xxhash")
    before: dict[str, str] = {}  # the title of the race with a tenth of the images
    for name, count, size, goal in _SIZES:
        subset = f"{name}-{count}"
        source = images(folder / subset, subset_of(store, subset, count), size)
        place = folder / f"{subset}-export"
        words = ["--subset", subset, "--images", "hardlink", "--from", source, "--to", place]
        call(cxrcat, "--catalog", store, "export", *words)
        bare = folder / f"{subset}-bare"
        call(cxrcat, "--catalog", store, "export", "--subset", subset, "--to", bare)
        verify = [cxrcat, "--catalog", store, "verify"]
        title = f"verify {count:,} × {size // 1000} KB"
        yield Race(
            title,
            [
                Contender(
                    "xxhsum -c",
                    [xxhsum, "--quiet", "-c", "checksums.xxh128"],
                    startup="xxhsum --version",
                    folder=place,
                ),
                Contender(
                    "cxrcat verify",
                    [*verify, place],
                    goal=goal,
                    startup="cxrcat verify, no images",
                ),
                Contender("cxrcat verify, whole", [*verify, place]),
                Contender("cxrcat verify, no images", [*verify, bare]),
                Contender("xxhsum --version", [xxhsum, "--version"]),
            ],
            tenth=before.get(name),
        )
        before[name] = title
        if goal and name == "big":
            cool = partial(_forget, place)
            every = ["find", place, "-type", "f", "-exec", "cat", "{}", "+"]
            yield Race(
                f"{title}, from the disk",
                [
                    Contender("cat", every, before=cool),
                    Contender(
                        "cxrcat verify",
                        [*verify, place],
                        goal=0.5,
                        startup="cxrcat verify, no images",
                        before=cool,
                    ),
                    Contender("cxrcat verify, no images", [*verify, bare]),
                ],
            )
        clear(source)()
        clear(place)()
        clear(bare)()


def _forget(folder: Path) -> None:
    """Ask the system to keep nothing of the files in memory; what a disk itself keeps stays."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


JOB = Job(
    what="Read every file of an export again, from a warm cache and, the large ones, a cold one.",
    goal_from="one thread that reads into an aligned buffer keeps up with `xxhsum -c`; two "
    "processes reach 0.7 where the files are large.",
    prepare=prepare,
    short_of="a small file costs 8 µs of calls from Python (open, advice, two reads, close), all "
    "that `xxhsum` does of one 6 µs; and a walk with a stat a file finds what is extra, which "
    "`xxhsum` does not look for. Tried without gain: processes in place of threads, which take as "
    "long to start as they save at 20,000 files.",
)
