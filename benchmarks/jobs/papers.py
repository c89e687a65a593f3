"""All papers of a slice as large as the dataset, and how they grow with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from data import catalog, clear, subset_of
from measure import Contender, Job, Race, installed


def prepare(folder: Path) -> Iterator[Race]:
    """Make a catalog with subsets of a tenth of the dataset and of all of it."""
    store = catalog(folder)
    cxrcat = [installed("cxrcat"), "--catalog", store]
    titles: list[str] = []
    for name, count in (("tenth", 11_212), ("all", 112_120)):
        subset_of(store, name, count)
        place = folder / name
        titles.append(f"table and papers of {count:,} images")
        yield Race(
            titles[-1],
            [
                Contender("python -c 'import sqlmodel'", [sys.executable, "-c", "import sqlmodel"]),
                Contender(
                    "cxrcat export",
                    [*cxrcat, "export", "--subset", name, "--to", place],
                    goal=4.0 if name == "all" else None,
                    before=clear(place),
                ),
            ],
            tenth=titles[0] if name == "all" else None,
        )


JOB = Job(
    what="Write the table and every paper of a slice of 112,120 images, on disk.",
    goal_from="the rows are streamed: four times what importing sqlmodel takes, and memory that "
    "does not grow with them.",
    prepare=prepare,
    short_of="an export of few images takes 1.8 times the peer; by a profile the rest is, in equal "
    "parts, the rows as the catalog gives them and the lines as they are written, 3 to 4 µs each "
    "for either. They are streamed, so that memory does not grow with them.",
)
