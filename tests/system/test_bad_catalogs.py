"""Catalogs that cannot be used, and places where none can be."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import check_failure
from ..conftest import Run

COMMANDS = (("subset", "list"), ("export", "--subset", "hernia"), ("doctor",), ("exports",))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_catalog_of_a_newer_release(
    cxrcat: Run, work: Path, sqlite_location: str, command: tuple[str, ...]
) -> None:
    with sqlite3.connect(sqlite_location) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = Path(sqlite_location).read_bytes()
    check_failure(cxrcat(*command), 3, sqlite_location, "newer cxrcat", "upgrade")
    assert Path(sqlite_location).read_bytes() == before
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_file_that_is_no_database(cxrcat: Run, tmp_path: Path, size: int) -> None:
    path = tmp_path / "noise"
    data = os.urandom(size)
    path.write_bytes(data)
    check_failure(cxrcat("--catalog", path, "subset", "list"), 3, path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("part", [0.001, 0.3, 0.9])
@pytest.mark.parametrize("command", COMMANDS[:3], ids=lambda command: command[0])
def test_a_catalog_that_was_cut_off(
    cxrcat: Run, work: Path, sqlite_location: str, part: float, command: tuple[str, ...]
) -> None:
    path = Path(sqlite_location)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    done = cxrcat(*command)
    if command == ("doctor",) and done.returncode == 1:  # enough is left to look at the rest
        assert "the database is damaged" in done.stdout
    else:
        check_failure(done, 3, path)
    assert list(work.iterdir()) == []


def test_a_catalog_with_damaged_pages_never_ends_in_a_traceback(
    cxrcat: Run, sqlite_location: str, work: Path
) -> None:
    path = Path(sqlite_location)
    whole = path.read_bytes()
    random.seed(3)
    for number in range(8):
        data = bytearray(whole)
        for _ in range(40):
            page = random.randrange(1, len(data) // 4096) * 4096
            data[page : page + 4096] = random.randbytes(4096)
        path.write_bytes(data)
        done = cxrcat("export", "--subset", "pneumothorax", "--to", f"out{number}")
        if done.returncode == 0:
            assert (work / f"out{number}").is_dir()
        else:
            check_failure(done, 3)
            assert not (work / f"out{number}").exists()


def test_a_database_of_something_else(cxrcat: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    _make_foreign(path)
    done = cxrcat("--catalog", path, "datasets")
    check_failure(done, 3, path, "holds something other than a catalog", "--catalog")


def test_a_database_of_something_else_is_left_as_it_was(cxrcat: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    _make_foreign(path)
    before = path.read_bytes()
    assert cxrcat("--catalog", path, "datasets").returncode == 3
    assert path.read_bytes() == before


def _make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE photographs (id INTEGER)")
    database.close()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("/", 3),
        ("/dev/null/x", 3),
        ("/proc/nowhere/x", 3),
        ("/dev/null", 3),
        ("mysql://x/y", 2),
        ("nonsense://x", 2),
        ("postgresql://nobody@127.0.0.1:1/none", 3),
        ("postgresql://nobody:secret@127.0.0.1:1/none", 3),
    ],
)
def test_a_place_where_no_catalog_can_be(cxrcat: Run, place: str, code: int) -> None:
    assert "secret" not in check_failure(cxrcat("--catalog", place, "datasets"), code)


def test_a_disk_too_small_for_a_catalog(
    cxrcat: Run, work: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("size=3m")
    done = cxrcat("--catalog", disk / "catalog.sqlite", "export", "--subset", "hernia")
    check_failure(done, 3, disk, "disk is full")
    assert list(work.iterdir()) == []


def test_an_empty_file_becomes_a_catalog(cxrcat: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert cxrcat("--catalog", tmp_path / "empty", "doctor").returncode == 0


@pytest.mark.parametrize("data", [b"x", b"notes", b"SQLite format", b"x" * 5_000])
def test_a_file_of_something_else_is_left_as_it_was(
    cxrcat: Run, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "notes"
    path.write_bytes(data)
    check_failure(cxrcat("--catalog", path, "datasets"), 3, path, "not a readable SQLite file")
    assert path.read_bytes() == data
