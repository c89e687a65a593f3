"""An audit of many projects by several processes, each with the database to itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.audit import AuditReport, Wanted, parallel


def test_projects_are_judged_alike_by_one_process_and_by_several(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports make every process ask the catalog, and images make it read their names."""
    for number in range(30):
        root = tmp_path / "projects" / f"p{number:02}"
        (root / "data").mkdir(parents=True)
        (root / "README.md").write_text(f"# {number}\n\nWe train on NIH ChestX-ray14.\n")
        if number % 3 == 1:
            (root / "data" / f"{number:08}_000.png").write_bytes(b"")
        if number % 5 == 2:
            catalog.export(Request("hernia", destination=root / "slice"))

    def audited(fewest: int, cache: str) -> AuditReport:
        monkeypatch.setattr(parallel, "_FEWEST", fewest)
        monkeypatch.setenv("CXRCAT_CACHE", str(tmp_path / cache))
        return catalog.audit(Wanted(paths=(str(tmp_path / "projects"),)))

    several, one, again = audited(2, "a"), audited(1_000, "b"), audited(2, "a")
    assert several.projects == one.projects == again.projects
    assert sum(len(each.facts.exports) for each in one.projects) == 6
    assert sum(len(each.facts.images) for each in one.projects) == 10
    assert catalog.audit(Wanted(paths=(str(tmp_path / "projects"),))).projects == one.projects
