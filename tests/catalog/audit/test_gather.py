"""Copies of tables are told by their first line, and nothing that is no file is waited for."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest

from cxrcat.catalog import Catalog
from cxrcat.catalog.audit import Wanted, gather

HEADER = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender\r\n"
ROWS = "00000001_000.png,Cardiomegaly,0,1,58,M\r\n" * 5_000  # more than is read of a table


def tables(catalog: Catalog, root: Path) -> list[str]:
    report = catalog.audit(Wanted(paths=(str(root),), record=False))
    return [each.path for project in report.projects for each in project.facts.tables]


def test_a_table_is_told_packed_or_not(catalog: Catalog, tmp_path: Path) -> None:
    text = (HEADER + ROWS).encode("utf-8-sig")
    (tmp_path / "a.csv").write_bytes(text)
    (tmp_path / "b.CSV.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.csv.gz").write_bytes(text)  # not packed at all
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text)[:40])  # cut short
    (tmp_path / "e.csv").write_bytes(b"")
    (tmp_path / "f.csv.gz").write_bytes(b"")
    (tmp_path / "g.csv").write_text(HEADER + ROWS, "utf-16")
    (tmp_path / "h.csv").write_text(f"\n\n{HEADER}{ROWS}")
    assert tables(catalog, tmp_path) == ["a.csv", "b.CSV.gz", "g.csv", "h.csv"]


def test_a_text_that_may_not_be_read_is_told_of(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("We train on NIH ChestX-ray14.\n")
    (tmp_path / "labels.csv").write_text(HEADER)
    real = os.open

    def refused(path: str, flags: int, *more: int, **names: int) -> int:  # as to all but root
        if str(path).endswith(("README.md", "labels.csv")):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **names)

    monkeypatch.setattr(os, "open", refused)
    report = catalog.audit(Wanted(paths=(str(tmp_path),), record=False))
    assert report.projects[0].facts.unread == (("README.md", "may not be read"),)
    assert not report.projects[0].facts.concerned


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
def test_what_took_the_place_of_a_file_is_passed_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "labels.csv"
    match kind:
        case "link":
            (tmp_path / "outside").write_text(HEADER)
            path.symlink_to(tmp_path / "outside")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    assert not gather._beginning(str(path), 100)


def test_a_folder_whose_name_is_no_text_and_that_cannot_be_looked_into(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("We train on NIH ChestX-ray14.\n")
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    real = os.open

    def refused(path: str, flags: int, *more: int, **names: int) -> int:
        if os.fsencode(path).endswith(b"caf\xe9/"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *more, **names)

    monkeypatch.setattr(os, "open", refused)
    for _ in range(2):  # the second time from what was kept
        report = catalog.audit(Wanted(paths=(str(tmp_path),), record=False))
        assert report.projects[0].facts.unread == (("caf?/", "cannot be looked into"),)
