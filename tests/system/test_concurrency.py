"""Many processes at once: each succeeds, or says in one line why not."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..checks import check_export, check_failure
from ..conftest import Run
from .conftest import Start


def wait_for(processes: list[subprocess.Popen[str]]) -> list[subprocess.CompletedProcess[str]]:
    """Read all the processes to their ends."""
    done: dict[int, subprocess.CompletedProcess[str]] = {}

    def read(process: subprocess.Popen[str]) -> None:
        out, errors = process.communicate(timeout=300)
        done[process.pid] = subprocess.CompletedProcess(
            process.args, process.returncode, out, errors
        )

    threads = [threading.Thread(target=read, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [done[process.pid] for process in processes]


def test_the_first_use_of_many_at_once(
    cxrcat: Run, start: Start, tmp_path: Path, work: Path
) -> None:
    catalog = tmp_path / "shared" / "catalog.sqlite"
    commands = [("datasets",), ("subset", "list"), ("export", "--subset", "hernia")] * 2
    commands[-1] = ("export", "--subset", "mass")
    done = wait_for([start("--catalog", catalog, *command) for command in commands])
    for each in done:
        assert each.returncode == 0, each
    assert done[0].stdout == done[3].stdout
    assert done[1].stdout == done[4].stdout
    check_export(work / "hernia")
    check_export(work / "mass")
    health = json.loads(cxrcat("--catalog", catalog, "doctor", "--json").stdout)
    assert len(health["datasets"]) == 1
    assert (health["subsets"], health["exports"], health["problems"]) == (15, 2, [])


def test_exports_to_many_places_at_once(
    cxrcat: Run, start: Start, work: Path, hernias: list[str], image_folder: Callable[..., Path]
) -> None:
    source = image_folder(hernias)
    images = ("--images", "copy", "--from", source)
    done = wait_for(
        [
            start("export", "--subset", "hernia", "--to", f"deep/out{number}", *images)
            for number in range(5)
        ]
    )
    for number, each in enumerate(done):
        assert each.returncode == 0, each
        check_export(work / f"deep/out{number}")
    records = json.loads(cxrcat("exports", "--json").stdout)
    assert [record["state"] for record in records] == ["published"] * 5
    assert json.loads(cxrcat("doctor", "--json").stdout)["problems"] == []


def test_exports_to_one_place_at_once(cxrcat: Run, start: Start, work: Path) -> None:
    done = wait_for([start("export", "--subset", "edema", "--to", "one") for _ in range(5)])
    assert sorted(each.returncode for each in done) == [0, 2, 2, 2, 2]
    for each in done:
        if each.returncode:
            check_failure(each, 2, work / "one")
    check_export(work / "one")
    assert cxrcat("verify", "one").returncode == 0
    (record,) = json.loads(cxrcat("exports", "--json").stdout)
    assert record["state"] == "published"


def test_replacements_at_one_place_at_once(cxrcat: Run, start: Start, work: Path) -> None:
    assert cxrcat("export", "--subset", "edema", "--to", "one").returncode == 0
    command = ("export", "--subset", "edema", "--to", "one", "--force")
    done = wait_for([start(*command) for _ in range(5)])
    codes = [each.returncode for each in done]
    assert set(codes) <= {0, 2}
    assert 0 in codes
    for each in done:
        if each.returncode:
            check_failure(each, 2, work / "one")
    winner = check_export(work / "one").export.id
    records = json.loads(cxrcat("exports", "--json").stdout)
    states = {record["id"]: record["state"] for record in records}
    assert states[winner] == "published"
    assert len(states) == 1 + codes.count(0)
    assert set(states.values()) == {"published"}


def test_a_run_is_refused_while_another_is_writing_there(
    cxrcat: Run, start: Start, work: Path, hernias: list[str], image_folder: Callable[..., Path]
) -> None:
    source = image_folder(hernias)
    command = ("export", "--subset", "hernia", "--images", "copy", "--from", source)
    process = start(*command)
    while process.poll() is None and not any(work.glob(".hernia.cxrcat-part-*")):
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    done = cxrcat("export", "--subset", "hernia")
    check_failure(done, 2, work / "hernia", "another export is being written there")
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=120) == 0
    check_export(work / "hernia")


def test_an_export_that_is_being_published_is_not_taken_for_a_dead_one(
    cxrcat: Run, start: Start, work: Path, hernias: list[str], image_folder: Callable[..., Path]
) -> None:
    """Stop a run after it was recorded as prepared; another one must not call it abandoned."""
    source = image_folder(hernias)
    command = ("export", "--subset", "hernia", "--images", "copy", "--from", source)
    process = start(*command)

    def prepared() -> bool:
        return any(work.glob(".hernia.cxrcat-part-*/checksums.xxh128"))

    while process.poll() is None and not prepared():
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    other = start("export", "--subset", "mass")  # waits while the other one holds the catalog
    for _ in range(60):
        if other.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGCONT)
    assert [each.returncode for each in wait_for([process, other])] == [0, 0]
    check_export(work / "hernia")
    check_export(work / "mass")
    records = json.loads(cxrcat("exports", "--json").stdout)
    assert [record["state"] for record in records] == ["published"] * 2


def test_readers_do_not_wait_for_a_writer(cxrcat: Run, start: Start, work: Path) -> None:
    names = [f"s{number}" for number in range(4)]
    writers = [
        start("subset", "create", name, "--where", f"mass and age > {name[1:]}") for name in names
    ]
    readers = [start("subset", "show", "mass", "--json") for _ in range(4)]
    for each in wait_for(writers + readers):
        assert each.returncode == 0, each
    known = {each["name"] for each in json.loads(cxrcat("subset", "list", "--json").stdout)}
    assert set(names) <= known
    assert list(work.iterdir()) == []
