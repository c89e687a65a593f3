"""``cxrcat catalog``: copies and backups as people make them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import check_failure
from ..conftest import Run
from .conftest import Start


def test_a_laptops_catalog_moves_to_a_server_and_back(
    cxrcat: Run, postgresql: Callable[[str | None], str], sqlite_location: str, work: Path
) -> None:
    assert cxrcat("export", "--subset", "hernia", "--project", "screening").returncode == 0
    url = postgresql(None)
    done = cxrcat("catalog", "copy", sqlite_location, url)
    assert done.returncode == 0
    assert "holds all of" in done.stderr
    assert "every table was compared, and the log of 19 events holds" in done.stderr
    assert "image          xxh128:" in done.stdout
    assert "112,120" in done.stdout
    assert cxrcat("--catalog", url, "verify", "hernia").returncode == 0
    assert cxrcat("--catalog", url, "export", "--subset", "mass").returncode == 0
    made = cxrcat("--catalog", url, "subset", "create", "mine", "--where", "mass and age > 70")
    assert made.stdout == "mine@1\n"
    back = json.loads(cxrcat("catalog", "copy", url, "back.sqlite", "--json").stdout)
    assert back["target"] == str(work / "back.sqlite")
    assert back["events"] == 22
    health = json.loads(cxrcat("--catalog", "back.sqlite", "doctor", "--json").stdout)
    assert (health["events"], health["exports"], health["problems"]) == (22, 2, [])


def test_a_password_is_not_printed(cxrcat: Run, sqlite_location: str) -> None:
    url = "postgresql://ada:p4ssw0rd@127.0.0.1:1/x"
    for command in ((sqlite_location, url), (url, "copy.sqlite")):
        line = check_failure(cxrcat("catalog", "copy", *command), 3, "127.0.0.1:1")
        assert "p4ssw0rd" not in line


@pytest.mark.parametrize(
    ("origin", "target", "words"),
    [
        ("nowhere.sqlite", "copy.sqlite", "nowhere.sqlite: there is no catalog"),
        (".", "copy.sqlite", "there is no catalog"),
        ("mysql://x/y", "copy.sqlite", "lives in SQLite or PostgreSQL, not in mysql"),
        ("nonsense://x", "copy.sqlite", "neither a path nor a database URL"),
        ("{catalog}", "mysql://x/y", "lives in SQLite or PostgreSQL, not in mysql"),
        ("{catalog}", "{catalog}", "is there already; name a file that is not"),
        ("{catalog}", ".", "is there already; name a file that is not"),
    ],
)
def test_places_that_do_not_fit(
    cxrcat: Run, sqlite_location: str, work: Path, origin: str, target: str, words: str
) -> None:
    places = [each.replace("{catalog}", sqlite_location) for each in (origin, target)]
    check_failure(cxrcat("catalog", "copy", *places), 2, words)
    assert list(work.iterdir()) == []


def test_a_backup_takes_the_place_of_nothing(cxrcat: Run, work: Path) -> None:
    assert cxrcat("catalog", "backup", "deep/backup.sqlite").returncode == 0
    before = (work / "deep" / "backup.sqlite").read_bytes()
    done = cxrcat("catalog", "backup", "deep/backup.sqlite")
    check_failure(done, 2, "is there already")
    assert (work / "deep" / "backup.sqlite").read_bytes() == before
    assert [path.name for path in (work / "deep").iterdir()] == ["backup.sqlite"]


def test_a_disk_too_small_for_a_backup(cxrcat: Run, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=3m")
    done = cxrcat("catalog", "backup", disk / "backup.sqlite")
    check_failure(done, 3, disk)
    assert list(disk.iterdir()) == []


def test_a_disk_too_small_for_a_copy_from_a_server(
    cxrcat: Run,
    small_disk: Callable[[str], Path],
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
) -> None:
    disk = small_disk("size=3m")
    url = postgresql(postgresql_template)
    check_failure(cxrcat("catalog", "copy", url, disk / "copy.sqlite"), 3, "disk")
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_early_leaves_no_catalog(
    cxrcat: Run,
    start: Start,
    work: Path,
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
    way: signal.Signals,
) -> None:
    url = postgresql(postgresql_template)
    process = start("catalog", "copy", url, "copy.sqlite")
    while process.poll() is None and not any(work.glob(".copy.sqlite.cxrcat-part-*/*")):
        time.sleep(0.0005)
    process.send_signal(way)
    assert process.wait(timeout=60) == (130 if way is signal.SIGINT else -signal.SIGKILL)
    assert not (work / "copy.sqlite").exists()
    if way is signal.SIGINT:
        assert list(work.iterdir()) == []
    assert cxrcat("catalog", "copy", url, "copy.sqlite").returncode == 0
    assert [path.name for path in work.iterdir()] == ["copy.sqlite"]


def test_two_copies_to_one_place_at_once(
    cxrcat: Run, start: Start, sqlite_location: str, work: Path
) -> None:
    several = [start("catalog", "copy", sqlite_location, "copy.sqlite") for _ in range(3)]
    ends = [process.communicate(timeout=120) for process in several]
    codes = [process.returncode for process in several]
    assert sorted(codes) == [0, 2, 2]
    for code, (_, errors) in zip(codes, ends, strict=True):
        if code:
            assert len(errors.splitlines()) == 1
            assert "another catalog is being written there" in errors or "already" in errors
    assert [path.name for path in work.iterdir()] == ["copy.sqlite"]
    assert cxrcat("--catalog", "copy.sqlite", "doctor").returncode == 0
