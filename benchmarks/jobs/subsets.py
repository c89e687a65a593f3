"""A thousand subsets of 50,000 images: making, comparing and tracing them, in process."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, clear
from measure import Contender, Job, Race

SIZE, IMAGES = 50_000, 112_120
_VICTIM = "00000003_000.png"


def prepare(folder: Path) -> Iterator[Race]:
    """Make the subsets as bitmaps in a table of their own, and in a catalog."""
    from cxrcat.catalog import Catalog
    from cxrcat.catalog.impact import Target

    ready = catalog(folder).read_bytes()
    place, bare = folder / "subsets.sqlite", folder / "bare.sqlite"

    def renew() -> None:
        for each in folder.glob("subsets.sqlite*"):
            each.unlink()
        place.write_bytes(ready)

    before: list[str | None] = [None, None]
    for count in (100, 1_000):
        making = f"make {count:,} subsets of {SIZE:,} images"
        yield Race(
            making,
            [
                Contender("bitmaps in a table", partial(_bare, bare, count), before=clear(bare)),
                Contender(
                    "cxrcat",
                    partial(_make, place, count),
                    goal=2.0 if count == 1_000 else None,
                    before=renew,
                ),
            ],
            tenth=before[0],
        )
        renew()
        _bare(bare, count)
        _make(place, count)
        asking = f"which of {count:,} subsets hold an image ({_size(place, bare)})"
        drawn = [f"draw-{number}" for number in range(45)]
        with Catalog.open(place) as opened:
            yield Race(
                asking,
                [
                    Contender("bitmaps in a table", partial(_holding, bare)),
                    Contender("cxrcat impact", partial(opened.impact, Target(image=_VICTIM))),
                    Contender("cxrcat overlap of two", partial(opened.overlap, drawn[:2])),
                    Contender("cxrcat overlap, 990 pairs", partial(opened.overlap, drawn)),
                ],
                tenth=before[1],
            )
        before = [making, asking]
        clear(bare)()


def _make(place: Path, count: int) -> None:
    from cxrcat.catalog import Catalog
    from cxrcat.catalog.derive import Derivation

    wanted = [
        (f"draw-{seed}", Derivation(where="true", sample=SIZE, seed=seed)) for seed in range(count)
    ]
    with Catalog.open(place) as opened:
        opened.create_subsets(wanted)


def _size(place: Path, bare: Path) -> str:
    sums = [
        sqlite3.connect(path)
        .execute(f"select sum(length(members)) from subset where {which}")  # noqa: S608
        .fetchone()[0]
        for path, which in ((place, "name like 'draw-%'"), (bare, "true"))
    ]
    return f"{sums[0] / 1e6:.1f} MB of membership, {sums[0] / sums[1]:.2f} of the bitmaps'"


def _bare(path: Path, count: int) -> None:
    from pyroaring import BitMap

    draw = random.Random(1)  # noqa: S311 - a benchmark
    with sqlite3.connect(path) as lite:
        lite.execute("create table subset (id integer primary key, members blob)")
        for number in range(count):
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
