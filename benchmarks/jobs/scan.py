"""Looking at a tree of images: for the first time, and when nothing changed since."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, clear, subset_of
from measure import Contender, Job, Race, call, installed, peer

_SIZE = 1024  # pixels, as NIH's images have


def prepare(folder: Path) -> Iterator[Race]:
    """Record trees of many small images, in the catalog and in git, and look at them again."""
    store = catalog(folder)
    bare = folder / "bare.sqlite"  # that knows nothing of the trees
    shutil.copyfile(store, bare)
    cxrcat, git = installed("cxrcat"), peer("git", "git")
    (folder / "empty").mkdir()
    scan = [cxrcat, "--catalog", store, "scan"]
    titles: list[str] = []
    for count in (10_000, 100_000):
        names = subset_of(store, f"of-{count}", count)
        tree = folder / f"tree-{count}"
        tree.mkdir()
        for name in names:
            (tree / name).write_bytes(_BLACK)
        call(*scan, tree)
        words = [git, f"--git-dir={folder}/git-{count}", f"--work-tree={tree}"]
        call(*words, "init", "--quiet")
        call(*words, "add", ".")
        who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        call(*words, *who, "commit", "--quiet", "--message", "tree")
        titles += [f"scan {count:,} files, {how}" for how in ("unchanged", "for the first time")]
        large = count == 100_000
        yield Race(
            titles[-2],
            [
                Contender("git status", [*words, "status", "--short"], folder=tree),
                Contender(
                    "cxrcat scan", [*scan, tree], goal=2.0, startup="cxrcat scan, nothing there"
                ),
                Contender("cxrcat scan, whole", [*scan, tree]),
                Contender("cxrcat scan, nothing there", [*scan, folder / "empty"]),
            ],
            tenth=titles[0] if large else None,
        )
        fresh = folder / "fresh.sqlite"
        first = [cxrcat, "--catalog", fresh, "scan", tree]
        yield Race(
            titles[-1],
            [
                Contender("git add", [*words, "add", "--renormalize", "."], folder=tree),
                Contender("cxrcat scan", first, before=partial(shutil.copyfile, bare, fresh)),
            ],
            tenth=titles[1] if large else None,
        )
        clear(tree)()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_BLACK = b"".join(
    (
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 0, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(bytes((_SIZE + 1) * _SIZE), 9)),
        _chunk(b"IEND", b""),
    )
)

JOB = Job(
    what="Look again at a tree of images, none of which has changed; and for the first time.",
    goal_from="`git status` of the same tree in git, net of what a command takes to start.",
    prepare=prepare,
    short_of="a file costs a stat of 2 µs from Python and the row that is recorded of it, 2 µs "
    "more; git reads its index as one block of memory. Tried with gain: the driver's own rows, one "
    "stat by the folder's descriptor, no object a file.",
)
