"""A thousand subsets of 50,000 images: making, comparing and tracing them, in process."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, clear
from measure import Contender, Job, Race

COUNT, SIZE, IMAGES = 1_000, 50_000, 112_120
_VICTIM = "00000003_000.png"


def prepare(folder: Path) -> Iterator[Race]:
    """Make the subsets as bitmaps in a table of their own, and in a catalog."""
    from cxrcat.catalog import Catalog
    from cxrcat.catalog.derive import Derivation
    from cxrcat.catalog.impact import Target

    ready = catalog(folder).read_bytes()
    place, bare = folder / "subsets.sqlite", folder / "bare.sqlite"

    def renew() -> None:
        for each in folder.glob("subsets.sqlite*"):
            each.unlink()
        place.write_bytes(ready)

    def make() -> None:
        wanted = [
            (f"draw-{seed}", Derivation(where="true", sample=SIZE, seed=seed))
            for seed in range(COUNT)
        ]
        with Catalog.open(place) as opened:
            opened.create_subsets(wanted)

    yield Race(
        f"make {COUNT:,} subsets of {SIZE:,} images",
        [
            Contender("bitmaps in a table", partial(_bare, bare), before=clear(bare)),
            Contender("cxrcat", make, goal=2.0, before=renew),
        ],
    )
    renew()
    _bare(bare)
    make()
    theirs = sqlite3.connect(bare).execute("select sum(length(members)) from subset").fetchone()[0]
    ours = (
        sqlite3.connect(place)
        .execute("select sum(length(members)) from subset where name like 'draw-%'")
        .fetchone()[0]
    )
    size = f"{ours / 1e6:.1f} MB of membership, {ours / theirs:.2f} of the bitmaps'"
    with Catalog.open(place) as opened:
        impact = partial(opened.impact, Target(image=_VICTIM))
        pair = partial(opened.overlap, ["draw-1", "draw-2"])
        yield Race(
            f"which of {COUNT:,} subsets hold an image ({size})",
            [
                Contender("bitmaps in a table", partial(_holding, bare)),
                Contender("cxrcat impact", impact),
                Contender("cxrcat overlap of two", pair),
            ],
        )


def _bare(path: Path) -> None:
    from pyroaring import BitMap

    draw = random.Random(1)  # noqa: S311 - a benchmark
    with sqlite3.connect(path) as lite:
        lite.execute("create table subset (id integer primary key, members blob)")
        for number in range(COUNT):
            members = BitMap(draw.sample(range(IMAGES), SIZE))
            lite.execute("insert into subset values (?, ?)", (number, members.serialize()))


def _holding(path: Path) -> list[int]:
    from pyroaring import BitMap

    rows = sqlite3.connect(path).execute("select id, members from subset")
    return [key for key, blob in rows if 17 in BitMap.deserialize(blob)]


JOB = Job(
    what="Subsets drawn by lot, each with its question, funnel, digest and entry in the log.",
    goal_from="bitmaps alone take 17 MB and 4 s; all that belongs to a subset may double that.",
    prepare=prepare,
)
