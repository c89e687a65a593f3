"""Reading an export again to find what is changed, missing or extra."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, clear, images, subset_of
from measure import Contender, Job, Race, call, installed, peer


def prepare(folder: Path) -> Iterator[Race]:
    """Export few large images and many small ones, and check them while they are cached."""
    store = catalog(folder)
    cxrcat, xxhsum = installed("cxrcat"), peer("xxhsum", "xxhash")
    sizes = [("big", 5_000, 400_000, 1.0), ("small", 20_000, 20_000, 1.3)]
    for name, count, size, goal in sizes:
        source = images(folder / name, subset_of(store, name, count), size)
        place = folder / f"{name}-export"
        words = ["--subset", name, "--images", "hardlink", "--from", source, "--to", place]
        call(cxrcat, "--catalog", store, "export", *words)
        bare = folder / f"{name}-bare"
        call(cxrcat, "--catalog", store, "export", "--subset", name, "--to", bare)
        verify = [cxrcat, "--catalog", store, "verify"]
        yield Race(
            f"verify {count:,} × {size // 1000} KB",
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
                    wanted=0.7 if name == "big" else None,
                    startup="cxrcat --version",
                ),
                Contender(
                    "cxrcat verify again", [*verify, place], startup="cxrcat verify, no images"
                ),
                Contender("xxhsum --version", [xxhsum, "--version"]),
                Contender("cxrcat --version", [cxrcat, "--version"]),
                Contender("cxrcat verify, no images", [*verify, bare]),
            ],
        )
        if name == "big":
            cool = partial(_forget, place)
            every = ["find", place, "-type", "f", "-exec", "cat", "{}", "+"]
            yield Race(
                f"verify {count:,} × {size // 1000} KB, from the disk",
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
)
