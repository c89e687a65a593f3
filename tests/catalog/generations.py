"""Earlier releases: the two of NIH's table, made from the one that ships, and a small one.

What NIH's have otherwise is planted, so that a test knows how many images differ and in what.
"""

from __future__ import annotations

import csv
import gzip
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cxrcat.catalog.datasets import BUILT_IN

from . import small

WRONG_AGES = (148, 149, 150, 151, 152, 153, 154, 155, 411, 412, 413, 414, 148, 150, 412, 414)
IN_MONTHS, IN_DAYS = 26, 1  # patients so young that their ages are written so
_NAME, _LABELS, _VISIT, _PATIENT, _AGE = range(5)


@dataclass(frozen=True)
class Planted:
    """What differs from the table of 2020: images, and by finding those that it gained and lost."""

    ages: int
    labels: int
    follow_ups: int
    gained: dict[str, int]
    lost: dict[str, int]


def shipped() -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table of 2020."""
    with gzip.open(BUILT_IN / "nih-chest-xray" / "Data_Entry_2017_v2020.csv.gz", "rt") as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def september(path: Path, ages: int = 27_471, labels: int = 181) -> Planted:
    """Write the table as it was in September 2017: CRLF, ages with units, numbers with zeros."""
    header, rows = shipped()
    rows, planted = _plant(rows, ages, labels)
    youngest = sorted(range(len(rows)), key=lambda place: int(rows[place][_AGE]))
    in_days, in_months = youngest[:IN_DAYS], youngest[IN_DAYS : IN_DAYS + IN_MONTHS]
    for place, row in enumerate(rows):
        row[_AGE] = f"{row[_AGE]:>03}Y"
        row[_VISIT] = f"{row[_VISIT]:>03}"
        row[_PATIENT] = f"{row[_PATIENT]:>08}"
        if place in in_days:
            assert row[_AGE] == "000Y"
            row[_AGE] = "001D"
        elif place in in_months:
            row[_AGE] = f"{int(row[_AGE][:-1]) * 12 + 11:03}M"
    lines = [",".join([*header, ""]), *map(",".join, rows)]  # a comma more in the header alone
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    return planted


def november(path: Path, ages: int = 27_471, labels: int = 181) -> Planted:
    """Write the table as copies of November 2017 have it: plain numbers, the wrong ages too."""
    header, rows = shipped()
    rows, planted = _plant(rows, ages, labels)
    path.write_text("\n".join([",".join(header), *map(",".join, rows), ""]), "utf-8")
    return planted


def _plant(rows: list[list[str]], ages: int, labels: int) -> tuple[list[list[str]], Planted]:
    draw = random.Random(2017)
    older = draw.sample([n for n, row in enumerate(rows) if int(row[_AGE]) > 1], ages)
    for place in older:
        rows[place][_AGE] = str(int(rows[place][_AGE]) - 1)
    for place, age in zip(older, WRONG_AGES, strict=False):
        rows[place][_AGE] = str(age)
    gained: Counter[str] = Counter()  # what 2020 has and 2017 had not
    lost: Counter[str] = Counter()
    for place in draw.sample(range(len(rows)), labels):
        after = set(rows[place][_LABELS].split("|"))
        before = {"Hernia"} if after != {"Hernia"} else {"No Finding"}
        rows[place][_LABELS] = before.pop()
        gained.update(after - {rows[place][_LABELS]})
        lost.update({rows[place][_LABELS]} - after)
    moved = 0
    for row in rows:
        visit = str(int(row[_NAME][9:12]))  # then the suffix was the follow-up
        moved += visit != row[_VISIT]
        row[_VISIT] = visit
    return rows, Planted(ages, labels, moved, _words(gained), _words(lost))


def _words(counts: Counter[str]) -> dict[str, int]:
    return {label.lower().replace(" ", "_"): number for label, number in counts.items()}


(FIRST,) = re.findall(r"  - version: v1\n(?:    .*\n)+", small.DESCRIPTOR)
_OLD = (
    FIRST.replace("version: v1", "version: v0")
    .replace('released: "2024"', 'released: "2023"\n    ships: false\n    access: the attic')
    .replace("labels: text\n", "labels: text\n      ages: units\n      oldest: 150\n")
)
RELEASES = {
    FIRST: FIRST.replace("labels: text\n", "labels: text\n      ages: years\n      oldest: 95\n")
    + _OLD
}
"""What makes of the small dataset one with an earlier release that does not ship."""


def old_table(folder: Path, change: Callable[[list[str]], None] = lambda _: None) -> Path:
    """Write the small dataset's table as its earlier release has it, ages with their unit."""
    rows = [small.cells(row) for row in small.films()]
    oldest = next(row for row in rows if row[4])
    for row in rows:
        row[4] = f"{row[4]:>03}Y" if row[4] else ""
    oldest[4] = "150Y"
    for row in rows:
        change(row)
    folder.mkdir(exist_ok=True)
    path = folder / "old.csv"
    lines = [",".join([*small.HEADER, "", ""]), *map(",".join, rows)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode())
    return path
