"""What the tests of whole commands share: one export to damage, and commands to be ended early."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..checks import check_export, names_with
from ..conftest import Run, png

COMMAND = Path(sysconfig.get_path("scripts")) / "cxrcat"

Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Made:
    """An export with images, the catalog that made it, and the folder that the images are from."""

    folder: Path
    catalog: Path
    source: Path


@pytest.fixture
def hernias() -> list[str]:
    """Return the names of the 227 images of the smallest subset."""
    return names_with("Hernia")


@pytest.fixture(scope="session")
def _first_made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = tmp_path_factory.mktemp("made")
    made = Made(home / "work" / "hernia", home / "catalog.sqlite", home / "images")
    shutil.copy(template, made.catalog)
    made.folder.parent.mkdir()
    for number, name in enumerate(names_with("Hernia")):
        place = made.source / f"images_{number % 12 + 1:03}" / "images"
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(png(seed=number))
    arguments = ("export", "--subset", "hernia", "--images", "copy", "--from", made.source)
    subprocess.run(
        [COMMAND, *arguments],
        cwd=made.folder.parent,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "CXRCAT_CATALOG": str(made.catalog)},
        capture_output=True,
        check=True,
    )
    check_export(made.folder)
    return made


@pytest.fixture
def made(_first_made: Made, sqlite_location: str, cxrcat: Run, work: Path) -> Made:  # noqa: ARG001
    """Return a copy of an export with 227 images and of its catalog, which `cxrcat` uses."""
    shutil.copy(_first_made.catalog, sqlite_location)
    shutil.copytree(_first_made.folder, work / "hernia")
    return Made(work / "hernia", Path(sqlite_location), _first_made.source)


@pytest.fixture
def start(sqlite_location: str, cxrcat: Run, work: Path) -> Iterator[Start]:  # noqa: ARG001
    """Return what starts the installed command, or another, without waiting for it."""
    started: list[subprocess.Popen[str]] = []

    def run(
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        program: str | Path = COMMAND,
        **options: object,
    ) -> subprocess.Popen[str]:
        settings = {
            "cwd": work,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": {**os.environ, "CXRCAT_CATALOG": sqlite_location, **(env or {})},
            **options,
        }
        process = subprocess.Popen([program, *arguments], **settings)  # type: ignore[call-overload]
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a small file system with the given options, where that is permitted."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


TINY = """\
format: cxrcat.dataset/1
revision: 1
slug: tiny
title: A tiny dataset of the tests
short_title: Tiny
description: Three images of two patients.
homepage: https://example.org/tiny
provider: {name: Example Hospital}
terms:
  licence: CC-BY-4.0
  title: Creative Commons Attribution 4.0 International
  url: https://creativecommons.org/licenses/by/4.0/
  words: You may share it when you name us.
  source: the page of the dataset
owes: [tiny-link, tiny-citation, tiny-thanks]
duties:
  - id: tiny-link
    kind: link
    text: The data is available at the site of the hospital.
    url: https://example.org/tiny/download
    source: the page of the dataset
  - id: tiny-citation
    kind: citation
    text: Uses of the data cite the paper.
    citation: doe2020
    source: the page of the dataset
  - id: tiny-thanks
    kind: acknowledgement
    text: Example Hospital provided the data.
    party: Example Hospital
    source: the page of the dataset
citations:
  - id: doe2020
    type: article-journal
    title: A tiny dataset of chest radiographs
    author:
      - {family: Doe, given: Jane}
      - {family: Müller-Lüdenscheidt, given: Jörg}
    container-title: Journal of Tests
    volume: "1"
    page: 1-9
    issued: {date-parts: [[2020]]}
    DOI: 10.1000/tiny.1
images: {media_type: image/png, width: 4, height: 4, name: a name}
vocabulary:
  findings:
    - {name: mass, label: Mass}
    - {name: nodule, label: Nodule}
  no_finding: {name: no_finding, label: No Finding}
label_sets:
  - {slug: read, title: readings, method: by hand, states: [present]}
default_version: v1
versions:
  - version: v1
    title: the only release
    released: "2020"
    table:
      file: rows.csv
      labels: read
      patient: number
      columns:
        name: [image]
        findings: [labels]
        patient: [patient]
        age: [age]
        sex: [sex]
      values:
        sex: {M: M, F: F}
"""
WITH_SOURCE = (
    TINY
    + """\
default_source: shelf
sources:
  - {slug: shelf, kind: gcs, title: a shelf, provider: Example Hospital, uri: "gs://shelf/{name}"}
"""
)
TINY_ROWS = """\
image,labels,patient,age,sex
b_0.png,Nodule|Mass,2,058Y,F
a_0.png,Mass,1,33,M
a_1.png,No Finding,1,34,M
"""


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a dataset of three images, with a fault when that is asked for."""

    def write(descriptor: str = WITH_SOURCE, rows: str | bytes = TINY_ROWS) -> Path:
        folder = tmp_path / "dataset"
        folder.mkdir(exist_ok=True)
        (folder / "rows.csv").write_bytes(rows.encode() if isinstance(rows, str) else rows)
        (folder / "dataset.yaml").write_text(descriptor, encoding="utf-8")
        return folder / "dataset.yaml"

    return write


@pytest.fixture
def added(write_dataset: Callable[..., Path]) -> Path:
    """Return the descriptor of a dataset without a fault."""
    return write_dataset()
