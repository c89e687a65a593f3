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
        goal: float | None,
        wanted: float | None,
        clear: Callable[[Path], Callable[[], object]] = clear,
    ) -> list[Contender]:
        synced = f'"{cp}" -r "{source}" "{theirs}" && sync'
        return [
            Contender("cp -r", [cp, "-r", source, theirs], before=clear(theirs)),
            Contender(
                "cxrcat export --images copy",
                export(name, "copy", source),
                goal=goal,
                wanted=wanted,
                before=clear(copy),
            ),
            Contender("cp -r, then sync", ["/bin/sh", "-c", synced], before=clear(theirs)),
        ]

    source = images(folder / "big", subset_of(store, "big", 5_000), 400_000)
    fresh = copies("big", source, None, None, set_aside)
    yield Race("copy 5,000 × 400 KB, none deleted", fresh)
    yield Race("copy 5,000 × 400 KB", copies("big", source, goal=1.0, wanted=0.6))
    yield Race(
        "link 5,000 × 400 KB",
        [
            Contender("cp -rl", [cp, "-rl", source, theirs], before=clear(theirs)),
            Contender(
                "cxrcat export --images hardlink",
                export("big", "hardlink", source),
                goal=5,
                before=clear(copy),
            ),
        ],
    )
    clear(source)()
    source = images(folder / "small", subset_of(store, "small", 20_000), 20_000)
    yield Race("copy 20,000 × 20 KB", copies("small", source, goal=1.0, wanted=None))


JOB = Job(
    what="Export with the images: each is hashed, checked to be a whole PNG and on disk before "
    "the folder appears. `cp` does none of that; with `sync` after it, its copy is on disk too. "
    "The copy of the run before is deleted first, as people do who time a command; in the race "
    "with none deleted it is emptied instead, since ext4 makes new files slowly after a deletion. "
    "That lasts for minutes, so run this job after a rest.",
    goal_from="reading once, hashing and writing takes 0.67 of `cp -r` with two threads and 0.46 "
    "with four; hashing alone takes 4 times `cp -rl`.",
    prepare=prepare,
)
