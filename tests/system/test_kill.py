"""Runs that are killed or interrupted at any moment leave everything or nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import check_export, leftovers, names_with
from ..conftest import Run, png
from .conftest import Start

EDEMAS = 2_303  # images
PATIENCE = 120  # seconds until a run that hangs fails its test


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the 2,303 images of a subset, all of them small."""
    folder = tmp_path_factory.mktemp("edemas")
    for number, name in enumerate(names_with("Edema")):
        (folder / name).write_bytes(png(seed=number))
    return folder


def _staged(work: Path, name: str) -> bool:
    return any(work.glob(f".edema.cxrcat-part-*/{name}"))


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the lock is made": lambda work: bool(leftovers(work / "edema")),
    "copying began": lambda work: _staged(work, "images"),
    "copying goes on": lambda work: any(
        len(os.listdir(folder)) > EDEMAS // 2  # noqa: PTH208 - only how many
        for folder in work.glob(".edema.cxrcat-part-*/images")
    ),
    "the table is begun": lambda work: _staged(work, "metadata.csv"),
    "the papers are begun": lambda work: _staged(work, "README.md"),
    "the list is written": lambda work: _staged(work, "checksums.xxh128"),
    "it stands": lambda work: (work / "edema").is_dir() and not _staged(work, ""),
    "the old one is aside": lambda work: any(work.glob(".edema.cxrcat-old-*")),
}


def _end(process: subprocess.Popen[str], when: Callable[[], bool], number: int) -> None:
    """Send a signal as soon as something is so, or when the run is over."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and not when():
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    process.send_signal(number)


@pytest.fixture
def arguments(source: Path) -> tuple[str | Path, ...]:
    """Return the export that is to be ended early."""
    return ("export", "--subset", "edema", "--images", "copy", "--from", source)


def test_a_killed_export_leaves_everything_or_nothing(
    cxrcat: Run, start: Start, work: Path, arguments: tuple[str, ...]
) -> None:
    work.mkdir(exist_ok=True)
    seen = set()
    for moment in MOMENTS:
        if moment == "the old one is aside":
            continue
        process = start(*arguments)
        _end(process, lambda moment=moment: MOMENTS[moment](work), signal.SIGKILL)
        process.communicate()
        seen.add((work / "edema").exists())
        if (work / "edema").exists():
            assert moment == "it stands"
            check_export(work / "edema", alone=False)
    assert seen == {True, False}
    done = cxrcat(*arguments, "--force")
    assert done.returncode == 0, done.stderr
    assert check_export(work / "edema").images.files == EDEMAS
    states = [record["state"] for record in json.loads(cxrcat("exports", "--json").stdout)]
    assert "prepared" not in states
    assert json.loads(cxrcat("doctor", "--json").stdout)["problems"] == []


def test_a_killed_replacement_leaves_the_old_the_new_or_nothing(
    cxrcat: Run, start: Start, work: Path, arguments: tuple[str, ...]
) -> None:
    assert cxrcat("export", "--subset", "edema").returncode == 0
    last = first = check_export(work / "edema").export.id
    random.seed(7)
    delays = [random.uniform(0, 1.5) for _ in range(4)]
    moments = [MOMENTS[name] for name in ("copying goes on", "the list is written")]
    moments += [MOMENTS["the old one is aside"]] * 2
    for moment in [*moments, *delays]:
        process = start(*arguments, "--force")
        if isinstance(moment, float):
            time.sleep(moment)
            process.kill()
        else:
            _end(process, lambda moment=moment: moment(work), signal.SIGKILL)
        process.communicate()
        if (work / "edema").exists():
            last = check_export(work / "edema", alone=False).export.id
        else:  # killed between two renames: the next run brings it back
            done = cxrcat("export", "--subset", "edema")
            assert done.returncode == 2, done
            assert "is there already" in done.stderr
            assert check_export(work / "edema").export.id == last
    done = cxrcat(*arguments, "--force")
    assert done.returncode == 0, done.stderr
    assert check_export(work / "edema").export.id not in (first, last)
    records = json.loads(cxrcat("exports", "--json").stdout)
    states = {record["id"]: record["state"] for record in records}
    assert "prepared" not in states.values()
    assert states[last] == "published"
    assert json.loads(cxrcat("doctor", "--json").stdout)["problems"] == []


def test_an_export_moved_aside_by_a_killed_run_comes_back(cxrcat: Run, work: Path) -> None:
    """As a kill between the two renames of a replacement would leave it."""
    assert cxrcat("export", "--subset", "hernia").returncode == 0
    first = check_export(work / "hernia").export.id
    for force in ((), ("--force",)):
        (work / "hernia").rename(work / ".hernia.cxrcat-old-1")
        (work / ".hernia.cxrcat-part-1").mkdir()
        (work / ".hernia.cxrcat-lock").touch()
        done = cxrcat("export", "--subset", "hernia", *force)
        assert done.returncode == (0 if force else 2), done.stderr
        assert (check_export(work / "hernia").export.id == first) == (not force)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_debris(
    cxrcat: Run, start: Start, work: Path, arguments: tuple[str, ...], number: int
) -> None:
    assert cxrcat("export", "--subset", "edema").returncode == 0
    first = check_export(work / "edema").export.id
    moments = ["copying goes on", "the papers are begun"]
    if number == signal.SIGINT:
        moments += ["copying began", "the table is begun"]
    for moment in moments:
        process = start(*arguments, "--force", "--to", "deep/er" if "goes" in moment else "edema")
        place = work / "deep" if "goes" in moment else work
        _end(process, lambda m=moment, p=place: _seen(m, p), number)
        said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, (moment, said)
        assert said == ("", "cxrcat: interrupted; nothing was left half-written\n")
        assert check_export(work / "edema").export.id == first
        assert [path.name for path in work.iterdir()] == ["edema"]


def _seen(moment: str, place: Path) -> bool:
    if place.name == "deep":
        return any(len(list(images.iterdir())) > 100 for images in place.glob(".er*/images"))
    return MOMENTS[moment](place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_the_first_use(
    cxrcat: Run, start: Start, tmp_path: Path, number: int
) -> None:
    catalog = tmp_path / "first" / "catalog.sqlite"
    process = start("--catalog", catalog, "datasets")
    _end(process, catalog.exists, number)
    said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said
    assert said == ("", "cxrcat: interrupted; nothing was left half-written\n")
    assert cxrcat("--catalog", catalog, "doctor").returncode == 0


def test_a_killed_first_use_is_completed_by_the_next(
    cxrcat: Run, start: Start, tmp_path: Path
) -> None:
    random.seed(13)
    delays = [random.uniform(0, 1.5) for _ in range(4)]
    for step, delay in enumerate(["made", "filled", *delays]):
        catalog = tmp_path / f"first{step}" / "catalog.sqlite"
        journal = catalog.with_name("catalog.sqlite-wal")
        process = start("--catalog", catalog, "datasets")
        if delay == "made":
            _end(process, catalog.exists, signal.SIGKILL)
        elif delay == "filled":
            _end(process, lambda j=journal: j.exists() and j.stat().st_size > 0, signal.SIGKILL)
        else:
            time.sleep(float(delay))
            process.kill()
        process.communicate()
        done = cxrcat("--catalog", catalog, "doctor", "--json")
        assert done.returncode == 0, done
        health = json.loads(done.stdout)
        assert (health["subsets"], health["problems"]) == (15, [])
        assert len(health["datasets"]) == 1


LOST = """\
import time
from cxrcat import cli
from cxrcat.cli import app

class Library:
    def __del__(self):
        raise KeyboardInterrupt  # which Python drops here, as compiled libraries do elsewhere

def run():
    Library()
    time.sleep(60)
    return 0

app.run = run
cli.main()
"""


def test_an_interrupt_that_a_library_drops_is_one_all_the_same(start: Start) -> None:
    process = start("-c", LOST, program=sys.executable)
    _, said = process.communicate(timeout=50)
    assert process.returncode == 130
    assert said == "cxrcat: interrupted; nothing was left half-written\n"
