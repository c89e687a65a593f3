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
    sizes = {"tenth": 11_212, "all": 112_120}
    for name, count in sizes.items():
        subset_of(store, name, count)
    words = [installed("cxrcat"), "--catalog", store, "export", "--subset"]
    places = {name: folder / f"{name}-export" for name in sizes}
    yield Race(
        "table and papers",
        [
            Contender("python -c 'import sqlmodel'", [sys.executable, "-c", "import sqlmodel"]),
            *(
                Contender(
                    f"cxrcat export, {count:,} images",
                    [*words, name, "--to", places[name]],
                    goal=4.0 if name == "all" else None,
                    tenth="cxrcat export, 11,212 images" if name == "all" else None,
                    before=clear(places[name]),
                )
                for name, count in sizes.items()
            ),
        ],
    )


JOB = Job(
    what="Write the table and every paper of a slice of 112,120 images, on disk.",
    goal_from="the rows are streamed: four times what importing sqlmodel takes, and memory that "
    "does not grow with them.",
    prepare=prepare,
)
