"""Data for the jobs, made in their temporary folders from the metadata that ships with cxrcat."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import time
from functools import partial
from pathlib import Path

from measure import BenchError, call, installed

TABLE = (
    Path(__file__).parent.parent / "schemas/datasets/nih-chest-xray/Data_Entry_2017_v2020.csv.gz"
)
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_TAIL = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def flat_table(folder: Path) -> Path:
    """Write the metadata of all images as an uncompressed CSV file."""
    path = folder / "flat.csv"
    with gzip.open(TABLE) as zipped, path.open("wb") as flat:
        shutil.copyfileobj(zipped, flat)
    return path


def catalog(folder: Path) -> Path:
    """Make a catalog with the built-in dataset."""
    path = folder / "catalog.sqlite"
    call(installed("cxrcat"), "--catalog", path, "subset", "list")
    return path


def subset_of(catalog: Path, name: str, count: int) -> list[str]:
    """Record the first `count` images by patient as a subset, and return their names.

    There are a few more when the last patient has several images of one visit.
    """
    with gzip.open(TABLE) as zipped:
        rows = csv.DictReader(io.TextIOWrapper(zipped, "utf-8-sig"))
        every = sorted(
            (int(row["Patient ID"]), int(row["Follow-up #"]), row["Image Index"]) for row in rows
        )
    patient, visit, _ = every[count - 1]
    names = [image for *place, image in every if place <= [patient, visit]]
    where = f"patient < {patient} or (patient = {patient} and follow_up <= {visit})"
    made = call(
        installed("cxrcat"),
        "--catalog",
        catalog,
        "subset",
        "create",
        name,
        "--where",
        where,
        "--json",
    )
    if json.loads(made)["images"] != len(names):
        raise BenchError(f"the question {where!r} does not have {len(names)} images")
    return names


def images(folder: Path, names: list[str], size: int) -> Path:
    """Write files of `size` random bytes that begin and end as PNG images do."""
    folder.mkdir()
    for name in names:
        middle = os.urandom(size - len(_PNG_HEAD) - len(_PNG_TAIL))
        (folder / name).write_bytes(_PNG_HEAD + middle + _PNG_TAIL)
    return folder


def clear(place: Path) -> partial[None]:
    """Return what removes a folder or a file, there or not."""
    return partial(_remove, place)


def set_aside(place: Path) -> partial[None]:
    """Return what moves a folder of files away and empties them, which frees their blocks alone.

    For about a minute after files were deleted, ext4 passes over their inodes one by one whenever
    a file is made, which takes longer than all else; a user has seldom just deleted thousands.
    """
    return partial(_set_aside, place)


def _set_aside(place: Path) -> None:
    if place.is_dir():
        for path in place.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        place.rename(place.with_name(f"{place.name}-{time.time_ns()}"))


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
