"""A slice with its images, copied or linked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from data import catalog, clear, images, set_aside, subset_of
from measure import Contender, Job, Race, installed, peer


def prepare(folder: Path) -> Iterator[Race]:
    """Make few large images and many small ones."""
    store = catalog(folder)
    cp = peer("cp", "coreutils")
    copy, theirs = folder / "copy", folder / "theirs"

    def export(name: str, mode: str, source: Path) -> list[str | Path]:
        words = ["export", "--subset", name, "--images", mode, "--from", source, "--to", copy]
        return [installed("cxrcat"), "--catalog", store, *words]

    def copies(
        name: str,
        source: Path,
        goal: float | None = None,
        clear: Callable[[Path], Callable[[], object]] = clear,
    ) -> list[Contender]:
        synced = f'"{cp}" -r "{source}" "{theirs}" && sync'
        return [
            Contender("cp -r", [cp, "-r", source, theirs], before=clear(theirs)),
            Contender(
                "cxrcat export --images copy",
                export(name, "copy", source),
                goal=goal,
                before=clear(copy),
            ),
            Contender("cp -r, then sync", ["/bin/sh", "-c", synced], before=clear(theirs)),
        ]

    def links(name: str, source: Path, goal: float | None = None) -> list[Contender]:
        return [
            Contender("cp -rl", [cp, "-rl", source, theirs], before=clear(theirs)),
            Contender(
                "cxrcat export --images hardlink",
                export(name, "hardlink", source),
                goal=goal,
                before=clear(copy),
            ),
        ]

    def made(name: str, count: int, size: int) -> Path:
        return images(folder / name, subset_of(store, name, count), size)

    source = made("some-big", 500, 400_000)
    yield Race("copy 500 × 400 KB", copies("some-big", source))
    yield Race("link 500 × 400 KB", links("some-big", source))
    clear(source)()
    source = made("big", 5_000, 400_000)
    fresh = copies("big", source, clear=set_aside)
    yield Race("copy 5,000 × 400 KB, none deleted", fresh)
    large = copies("big", source, goal=0.6)
    yield Race("copy 5,000 × 400 KB", large, tenth="copy 500 × 400 KB")
    linked = links("big", source, goal=5)
    yield Race("link 5,000 × 400 KB", linked, tenth="link 500 × 400 KB")
    clear(source)()
    source = made("some-small", 2_000, 20_000)
    yield Race("copy 2,000 × 20 KB", copies("some-small", source))
    clear(source)()
    source = made("small", 20_000, 20_000)
    small = copies("small", source, goal=1.0)
    yield Race("copy 20,000 × 20 KB", small, tenth="copy 2,000 × 20 KB")


JOB = Job(
    what="Export with the images: each is hashed, checked to be a whole PNG and on disk before "
    "the folder appears. `cp` does none of that; with `sync` after it, its copy is on disk too. "
    "The copy of the run before is deleted first, as people do who time a command; in the race "
    "with none deleted it is emptied instead, since ext4 makes new files slowly after a deletion. "
    "That lasts for minutes, so run this job after a rest.",
    goal_from="reading once, hashing and writing takes 0.67 of `cp -r` with two threads and 0.46 "
    "with four; hashing alone takes 4 times `cp -rl`.",
    prepare=prepare,
    short_of="a copy is on the disk before its folder appears, for which the like is `cp -r, then "
    "sync`; the system is asked to write each file out as soon as it is whole and waited for once. "
    "Of a folder of links half the time is the start of an export without images, and nearly all "
    "the rest reading the bytes to hash them, which `cp -rl` does not do. Trusting the checksum of "
    "a scan instead would make links quick, and let a failing disk into an export.",
)
