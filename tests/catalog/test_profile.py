"""The profile of a subset is what counting its images one by one finds."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog import Catalog
from cxrcat.catalog.datasets import find
from cxrcat.catalog.profile import profile
from cxrcat.schemas.errors import CatalogError, NotFoundError
from cxrcat.schemas.manifest import Profile
from cxrcat.schemas.tables import PatientIndex

from . import small

DECADES = [*(f"{first}-{first + 9}" for first in range(0, 90, 10)), "90+", "unknown"]


def counted(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Count rows of findings, age, sex, view and patient, leaving out what is not there."""
    rows = list(rows)
    series = Counter(Counter(row["patient"] for row in rows).values())
    groups = {"1": (1, 1), "2-5": (2, 5), "6-10": (6, 10), "11-50": (11, 50), "51+": (51, 10**9)}
    return {
        "findings": Counter(finding for row in rows for finding in row["findings"]),
        "together": Counter(
            frozenset((one, other))
            for row in rows
            for one in row["findings"]
            for other in row["findings"]
            if one < other
        ),
        "ages": Counter((decade(row["age"]), row["sex"] or "unknown") for row in rows),
        "views": Counter(row["view"] or "unknown" for row in rows),
        "patients": {
            name: sum(times for number, times in series.items() if first <= number <= last)
            for name, (first, last) in groups.items()
        },
    }


def decade(age: int | None) -> str:
    if age is None:
        return "unknown"
    return "90+" if age >= 90 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def told(found: Profile) -> dict[str, Any]:
    """Return a profile in the form of `counted`."""
    return {
        "findings": {each.name: each.images for each in found.findings if each.images},
        "together": {
            frozenset((one, other)): number
            for one, others in found.together.items()
            for other, number in others.items()
        },
        "ages": {
            (group.years, sex): number
            for group in found.ages
            for sex, number in group.sexes.items()
            if number
        },
        "views": {view: number for view, number in found.views.items() if number},
        "patients": found.patients,
    }


@pytest.mark.parametrize("name", ["hernia", "pneumothorax", "edema"])
def test_a_built_in_subset(shared: Catalog, name: str) -> None:
    found = shared.profile(name)
    rows = [
        {field: getattr(row, field) for field in ("findings", "age", "sex", "view", "patient")}
        for row in shared.images(name)
    ]
    assert told(found) == counted(rows)
    assert found == shared.manifest(name).subset.profile


def test_the_whole_dataset(sqlite_location: str) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.create_subset("all", "true")
        found = catalog.profile("all@1")
        words = catalog.descriptor().vocabulary.words()
    assert [(each.name, each.label) for each in found.findings] == [
        (word.name, word.label) for word in words
    ]
    images = {each.name: each.images for each in found.findings}
    assert (images["infiltration"], images["hernia"], images["no_finding"]) == (19_894, 227, 60_361)
    assert found.views == {"AP": 44_810, "PA": 67_310}
    assert [group.years for group in found.ages] == DECADES
    for sex, number in (("F", 48_780), ("M", 63_340)):
        assert sum(group.sexes[sex] for group in found.ages) == number
    assert sum(found.patients.values()) == 30_805
    assert "no_finding" not in found.together


def test_a_subset_without_images(catalog: Catalog) -> None:
    catalog.create_subset("nobody", "false")
    found = catalog.profile("nobody")
    assert {each.images for each in found.findings} == {0}
    assert found.together == {}
    assert set(found.views.values()) == set(found.patients.values()) == {0}
    assert {number for group in found.ages for number in group.sexes.values()} == {0}


def test_a_subset_that_is_not_there(sqlite_location: str) -> None:
    with Catalog.open(sqlite_location) as catalog, pytest.raises(NotFoundError, match="hernia"):
        catalog.profile("hernai")


@pytest.fixture(scope="module")
def ward(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open a catalog with the small dataset, in which anything may be missing."""
    folder = tmp_path_factory.mktemp("ward")
    (folder / "catalog.sqlite").write_bytes(template.read_bytes())
    with Catalog.open(folder / "catalog.sqlite") as catalog:
        catalog.add_dataset(small.write(folder / "dataset"))
        yield catalog


@settings(max_examples=100, deadline=None)
@given(members=st.sets(st.integers(0, 59)))
def test_any_members(ward: Catalog, members: set[int]) -> None:
    with ward._store.reading() as session:
        found = profile(session, find(session, "ward"), BitMap(members))
    films = small.films()
    rows = [
        {**films[place], "findings": [name for _, name in films[place]["said"]]}
        for place in members
    ]
    assert told(found) == counted(rows)
    assert [group.years for group in found.ages] == DECADES
    order = [each.name for each in found.findings]
    for one, others in found.together.items():
        assert [order.index(other) for other in others] == sorted(map(order.index, others))
        assert all(order.index(one) < order.index(other) for other in others)


def test_rare_values_count_as_one(template: Path, tmp_path: Path) -> None:
    rows = small.films()
    for place, row in enumerate(rows):
        row["view"] = None if place == 59 else f"view {place % 4 if place < 40 else place}"
    (tmp_path / "catalog.sqlite").write_bytes(template.read_bytes())
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        catalog.add_dataset(small.write(tmp_path / "dataset", rows))
        catalog.create_subset("every", "true", dataset="ward")
        views = catalog.profile("ward/every").views
    frequent = {f"view {number}": 10 for number in range(4)}
    rare = {f"view {number}": 1 for number in range(40, 48)}
    assert views == {**frequent, **rare, "other": 11, "unknown": 1}
    assert list(views) == [*sorted([*frequent, *rare]), "other", "unknown"]


@pytest.mark.parametrize("blob", [b"", b"\0" * 4, b"\0" * 7])
def test_a_damaged_list_of_patients_is_one_clear_line(catalog: Catalog, blob: bytes) -> None:
    with catalog._store.writing() as session:
        session.execute(sa.update(PatientIndex).values(ranks=blob))
    with pytest.raises(CatalogError, match="list of patients in the catalog is damaged"):
        catalog.profile("hernia")


def test_it_needs_nothing_that_takes_long_to_import(sqlite_location: str) -> None:
    code = (
        "import sys\nfrom cxrcat.catalog import Catalog\n"
        f"with Catalog.open({sqlite_location!r}) as catalog: catalog.profile('mass')\n"
        "print(sorted({'numpy', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
