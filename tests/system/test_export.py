"""``cxrcat export`` as a researcher runs it: the first minute, and everything in the folder."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..checks import check_export, rows_of
from ..conftest import Run
from .conftest import COMMAND, TINY, WITH_SOURCE

# Loaded by every Python below it: writes down each attempt to reach another machine.
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open(os.environ["WATCH_LOG"], "a") as log:
            log.write(f"{event} {arguments}\\n")
sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class First:
    """What came of the first command of a new user."""

    done: subprocess.CompletedProcess[str]
    work: Path
    home: Path
    env: dict[str, str]
    log: Path


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """Run the first command of a new user: an empty home, an empty folder, no catalog."""
    root = tmp_path_factory.mktemp("first")
    work, home, watch = root / "work", root / "home", root / "watch"
    for folder in (work, home, watch):
        folder.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(watch),
        "WATCH_LOG": str(root / "log"),
    }
    command = [COMMAND, "export", "--subset", "pneumothorax"]
    done = subprocess.run(
        command, cwd=work, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    return First(done, work, home, env, root / "log")


def test_the_first_command_makes_the_whole_export(first: First) -> None:
    assert first.done.returncode == 0, first.done.stderr
    manifest = check_export(first.work / "pneumothorax")
    assert (manifest.subset.images, manifest.subset.patients) == (5_302, 1_487)
    assert manifest.subset.name == manifest.subset.query == "pneumothorax"
    assert (manifest.dataset.slug, manifest.dataset.version) == ("nih-chest-xray", "v2020")
    assert (manifest.dataset.images, manifest.dataset.patients) == (112_120, 30_805)
    assert manifest.images.mode == "none"
    assert [path.name for path in first.work.iterdir()] == ["pneumothorax"]


def test_the_first_command_says_where_and_nothing_else_on_stdout(first: First) -> None:
    assert first.done.stdout == f"{first.work / 'pneumothorax'}\n"
    assert "5,302 images of 1,487 patients" in first.done.stderr
    assert "nih-citation" in first.done.stderr
    assert "\x1b" not in first.done.stderr


def test_the_first_command_makes_the_catalog_in_the_data_folder(first: First) -> None:
    assert (first.home / ".local/share/cxrcat/catalog.sqlite").is_file()


def test_the_first_command_reaches_for_no_network(first: First) -> None:
    assert first.done.returncode == 0
    assert not first.log.exists(), first.log.read_text()
    reach = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9))\nexcept OSError: 0"
    subprocess.run([sys.executable, "-c", reach], env=first.env, check=True)
    assert "socket.connect" in first.log.read_text(), "the watch sees nothing"
    first.log.unlink()


def test_the_first_command_cannot_be_given_twice_by_accident(first: First) -> None:
    command = [COMMAND, "export", "--subset", "pneumothorax"]
    options = {"cwd": first.work, "env": first.env, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, **options)
    assert done.returncode == 2
    assert "replace it with --force" in done.stderr


@pytest.mark.parametrize(
    ("where", "images"),
    [
        ("hernia and view = 'AP'", None),
        ("pneumothorax and not (effusion or mass) and age between 18 and 65 and sex = 'F'", None),
        ("boxed(nodule)", 79),
        ("findings >= 6 or uncertain(hernia)", None),
        ("in_subset(pneumothorax) and not in_subset('mass@1')", None),
        ("name = '00000001_000.png'", 1),
        ("age > 90 and age < 90", 0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_any_question_makes_a_whole_export(
    cxrcat: Run, work: Path, where: str, images: int | None
) -> None:
    done = cxrcat("subset", "create", "asked", "--where", where)
    if "uncertain" in where and done.returncode:
        done = cxrcat("subset", "create", "asked", "--where", where.partition(" or ")[0])
    assert done.returncode == 0, done.stderr
    done = cxrcat("export", "--subset", "asked")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "asked")
    assert images in (None, manifest.subset.images)
    assert f"{manifest.subset.images:,} images" in done.stderr


@pytest.mark.parametrize(
    "name", ["a b", "täst ⚕", "$(touch x)", "-leading", "a'b\"c", "v1.2", "[x]"]
)
def test_any_folder_name(cxrcat: Run, work: Path, name: str) -> None:
    done = cxrcat("export", "--subset", "hernia", f"--to=deep/er/{name}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{work / 'deep/er' / name}\n"
    check_export(work / "deep/er" / name)
    done = cxrcat("export", "--subset", "hernia", f"--to=deep/er/{name}", "--force")
    assert done.returncode == 0, done.stderr
    check_export(work / "deep/er" / name)
    assert [path.name for path in work.iterdir()] == ["deep"]


def test_an_empty_folder_may_be_named(cxrcat: Run, work: Path) -> None:
    (work / "empty").mkdir()
    assert cxrcat("export", "--subset", "hernia", "--to", "empty").returncode == 0
    check_export(work / "empty")


def test_json_is_the_destination_and_the_manifest(cxrcat: Run, work: Path) -> None:
    done = cxrcat("export", "--subset", "hernia@1", "--project", "chest-triage", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["destination"] == str(work / "hernia")
    manifest = check_export(work / "hernia")
    assert manifest.export.project == document["provenance"]["export"]["project"] == "chest-triage"
    assert document["provenance"]["export"]["id"] == manifest.export.id
    assert (
        document["provenance"]["subset"]
        == json.loads((work / "hernia/provenance.json").read_text())["subset"]
    )


def test_an_export_is_recorded_with_its_event(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    done = cxrcat("export", "--subset", "hernia", "--project", "triage")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "hernia")
    (record,) = json.loads(cxrcat("exports", "--json").stdout)
    assert record["id"] == manifest.export.id
    assert record["by"] == manifest.export.by == "tester"
    assert record["project"] == "triage"
    assert (record["state"], record["destination"]) == ("published", str(work / "hernia"))
    with sqlite3.connect(sqlite_location) as database:
        events = database.execute("SELECT kind FROM event ORDER BY id DESC LIMIT 2").fetchall()
    database.close()
    assert events == [("export.published",), ("export.prepared",)]


def test_an_added_dataset_is_exported_with_its_own_duties(
    cxrcat: Run, work: Path, added: Path
) -> None:
    assert cxrcat("dataset", "add", added).returncode == 0
    done = cxrcat("export", "--subset", "tiny/mass")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "mass")
    assert manifest.dataset.slug == "tiny"
    assert [row["name"] for row in rows_of(work / "mass")] == ["a_0.png", "b_0.png"]


def test_a_dataset_without_a_source_is_exported(
    cxrcat: Run, work: Path, write_dataset: Callable[..., Path]
) -> None:
    assert cxrcat("dataset", "add", write_dataset(TINY)).returncode == 0
    assert cxrcat("export", "--subset", "tiny/mass").returncode == 0
    check_export(work / "mass")


def test_metadata_is_plain_csv(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "hernia").returncode == 0
    data = (work / "hernia/metadata.csv").read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"\n")
    rows = list(csv.reader(data.decode("utf-8").splitlines()))
    assert {len(row) for row in rows} == {15}


def test_a_subset_of_a_subset_owes_what_its_ancestors_owe(
    cxrcat: Run, work: Path, write_dataset: Callable[..., Path]
) -> None:
    boxes = (
        "boxes:\n  - {slug: drawn, title: boxes, file: boxes.csv, name: image, finding: label,\n"
        "     first_coordinate: x, frame: [4, 4], owes: [boxes-thanks]}\n"
    )
    duty = (
        "  - {id: boxes-thanks, kind: acknowledgement, text: The Readers drew the boxes.,\n"
        "     party: The Readers, source: the page of the dataset}\ncitations:\n"
    )
    path = write_dataset(WITH_SOURCE.replace("citations:\n", duty, 1) + boxes)
    (path.parent / "boxes.csv").write_text("image,label,x,y,w,h\na_0.png,Mass,0,0,1,1\n")
    assert cxrcat("dataset", "add", path).returncode == 0
    for name, where in (
        ("boxed", "boxed(mass)"),
        ("older", "in_subset(boxed) and age > 1"),
        ("oldest", "in_subset(older) and age > 2"),
        ("others", "age > 50"),
    ):
        done = cxrcat("subset", "create", name, "--where", where, "--dataset", "tiny")
        assert done.returncode == 0, done.stderr
        done = cxrcat("export", "--subset", f"tiny/{name}")
        assert done.returncode == 0, done.stderr
        duties = {duty.id: duty for duty in check_export(work / name).duties}
        assert ("boxes-thanks" in duties) == (name != "others"), name
        if name != "others":
            *asked, held = duties["boxes-thanks"].because
            assert [reason.partition(" reads ")[2] for reason in asked] == ["`boxed(mass)`"], name
            assert held == "boxes.csv holds boxes"
    assert duties.keys() == {"tiny-link", "tiny-citation", "tiny-thanks"}
    assert "The Readers" in (work / "oldest/ATTRIBUTION.md").read_text()
