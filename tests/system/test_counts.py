"""What commands may cost, in counts that are the same on every machine.

The bounds stand close above today's numbers, so that work which creeps in is seen where a clock
would be too noisy to see it. A change that needs more for a good reason raises its bound.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import nih_rows
from .counting import Counter, Counts

OTHERS = {"distributed", "dask", "google", "matplotlib", "pandas", "psycopg", "requests"}
START = OTHERS | {"sqlalchemy", "sqlmodel", "alembic", "sqlglot", "numpy", "yaml", "cryptography"}
READING = OTHERS | {"alembic", "sqlglot", "numpy", "yaml", "cryptography", "citeproc", "rich"}


@pytest.fixture
def counted(sqlite_location: str, tmp_path: Path) -> Counter:
    """Return what runs the installed command in an empty folder, on a fresh catalog, and counts."""
    if not sys.platform.startswith("linux"):
        pytest.skip("what a process read is counted in /proc, which only Linux has")
    folder = tmp_path / "counted"
    folder.mkdir()
    return Counter(folder, sqlite_location)


def check(found: Counts, absent: set[str], modules: int, files: int, read: float) -> None:
    """Compare with bounds; `files` are openings, but of modules; `read` is in megabytes."""
    assert absent.isdisjoint(found.modules), sorted(absent & found.modules)
    assert len(found.modules) <= modules
    # Of the packages that are installed, pydantic opens the entry points, looking for plugins.
    assert sum(n for name, n in found.opened.items() if ".dist-info" not in name) <= files
    assert found.read <= read * 1e6


# Today, on Python 3.11: 239, 365 and 304 modules.
def test_starting(counted: Counter) -> None:
    quick = START | {"rich", "pydantic"}
    check(counted("--version", statements=False), quick, 265, 12, 1.0)
    check(counted("--help", statements=False), START | {"pydantic"}, 400, 12, 1.0)
    # typer itself asks pydantic as soon as an option has a value to convert.
    check(counted.completion(["ver"]), START | {"rich"}, 335, 12, 1.0)


# Today: 1,630 statements, most of them a table's rows by the hundred and the migrations.
def test_first_use(counted: Counter) -> None:
    new = Counter(counted.folder, f"{counted.folder.parent}/new.sqlite")
    found = new("subset", "list")
    assert 0 < found.statements <= 1_800
    check(found, OTHERS, 960, 22, 20)


# Today: 16, 34, 51 and 15 statements.
def test_working_with_a_catalog(counted: Counter) -> None:
    listed = counted("subset", "list")
    assert 0 < listed.statements <= 18
    check(listed, READING, 600, 15, 1.3)
    where = "pneumothorax and view = 'PA' and age between 40 and 60"
    made = counted("subset", "create", "asked", "--where", where)
    assert 0 < made.statements <= 38
    check(made, OTHERS | {"alembic", "rich", "cryptography"}, 790, 15, 2.0)
    more = create(counted, "every", "true")
    rows = create(counted, "some", "patient < 7800")
    some = counted("export", "--subset", "some", "--images", "none")
    every = counted("export", "--subset", "every", "--images", "none")
    assert 3.5 < more / rows < 4.5
    check(some, OTHERS | {"alembic", "sqlglot", "numpy", "rich"}, 715, 42, 17)
    assert 0 < some.statements <= 55
    assert every.statements <= some.statements + (more - rows) / 3_000  # rows come in batches
    assert every.read <= some.read + 450 * (more - rows)  # bytes
    assert every.opened_under(counted.folder) == some.opened_under(counted.folder)
    assert every.peak <= 1.10 * some.peak  # today 1.04; three hundred bytes a row would be 1.25
    verified = counted("verify", "some")
    assert 0 < verified.statements <= 17
    check(verified, READING, 610, 32, 1.3 + size_of(counted.folder / "some") / 1e6)


def test_files_are_opened_and_read_once(
    counted: Counter, image_folder: Callable[..., Path]
) -> None:
    """Twice as many images cost so many openings, bytes and statements more: each once."""
    names = list(nih_rows())
    few, many = 250, 500
    costs: dict[str, list[tuple[Counts, int, int, Path]]] = {}
    for count in (few, many):
        source = image_folder(names[:count], f"source{count}", padding=20_000)
        patient = nih_rows()[names[count]]["Patient ID"]
        name = f"of-{count}"
        number, size = create(counted, name, f"patient < {patient}"), size_of(source)
        for what, command, place in (
            ("scan", ("scan", source), source),
            ("scan again", ("scan", source), source),
            ("copy", ("export", "--images", "copy", "--subset", name, "--from", source), source),
            ("verify", ("verify", name), counted.folder / name),
        ):
            run = counted(*command)
            mine = count if place == source and what != "copy" else number
            costs.setdefault(what, []).append((run, mine, size // count, place))
    # Openings of the images' own files, all openings, statements and readings, for each image.
    for what, own, opened, statements, read in (
        ("scan", 1, 1, 1, 1),
        ("scan again", 0, 0, 0, 0),
        ("copy", 1, 3, 1, 1),  # the copy is written, and opened again to be made lasting
        ("verify", 1, 1, 0, 1),
    ):
        (small, first, size, where), (large, last, _, there) = costs[what]
        more = last - first
        assert more > few / 2
        assert large.opened_under(there) - small.opened_under(where) <= own * (few + 12), what
        grown = sum(large.opened.values()) - sum(small.opened.values())
        assert grown <= opened * (few + 12) + 12, what
        assert large.statements - small.statements <= statements * few + 12, what
        # Rows, names and checksums of an image are below two kilobytes, wherever they are read.
        assert large.read - small.read <= read * 1.02 * size * few + 2_000 * few, what
        assert large.peak <= 1.10 * small.peak, what


def create(counted: Counter, name: str, where: str) -> int:
    """Make a subset; return how many images it has."""
    command = ("subset", "create", name, "--where", where, "--json")
    return int(json.loads(counted(*command, statements=False).output)["images"])


def size_of(folder: Path) -> int:
    """Return the bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
