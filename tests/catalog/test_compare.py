"""Comparing subsets, within a release and across two, against sets of names in plain Python."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog import Catalog
from cxrcat.catalog.bitmaps import digest, dump
from cxrcat.catalog.compare import Part, Side
from cxrcat.catalog.overlap import Shared
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import NotFoundError, UsageError
from cxrcat.schemas.tables import Dataset, Subset

from . import small

Row = Mapping[str, Any]

(_FIRST,) = re.findall(r"  - version: v1\n(?:    .*\n)+", small.DESCRIPTOR)
_SECOND = _FIRST.replace("version: v1", "version: v2").replace("films.csv", "second.csv")
TWO = {_FIRST: _FIRST + _SECOND}


def second_films(seed: int = 3) -> list[dict[str, Any]]:
    """Return another release: films gone and films come, some of other patients, ages, labels."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for row in small.films()[7:]:
        changed = dict(row, boxes=set())
        if draw.random() < 0.3:
            changed["age"] = draw.choice([None, 1, 40, 95])
        if draw.random() < 0.3:
            changed["view"] = draw.choice(["PA", "AP", None])
        if draw.random() < 0.3:
            changed["said"] = {("text", draw.choice(["mass", "opacity"])): "present"}
        if draw.random() < 0.1:
            changed["patient"] = draw.choice([4, 999])
        rows.append(changed)
    rows += [
        dict(row, name=f"a-{place}.png", patient=draw.choice([2, 77, 999]), boxes=set())
        for place, row in enumerate(small.films(9, seed=8))
    ]
    return sorted(rows, key=lambda row: str(row["name"]))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def two(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalog]:
    """A catalog with two releases of the small dataset, which tests may add subsets to."""
    folder = tmp_path_factory.mktemp("two")
    if request.param == "sqlite":
        place = str(folder / "catalog.sqlite")
        Path(place).write_bytes(template.read_bytes())
    else:
        create = request.getfixturevalue("postgresql")
        place = create(request.getfixturevalue("postgresql_template"))
    small.write(folder / "second", second_films())
    path = small.write(folder / "ward", [dict(row, boxes=set()) for row in small.films()], TWO)
    (folder / "second" / "films.csv").rename(folder / "ward" / "second.csv")
    with Catalog.open(place) as opened:
        opened.add_dataset(path)
        yield opened


RELEASES: dict[str, Sequence[Row]] = {"v1": small.films(), "v2": second_films()}


def ask(catalog: Catalog, name: str, release: str, names: set[str]) -> str:
    """Record a subset of just these names, and return what names it."""
    listed = ", ".join(f"'{each}'" for each in sorted(names))
    where = f"name in ({listed})" if names else "false"
    made = catalog.create_subset(name, where, dataset=f"ward@{release}")
    return f"ward@{release}/{name}@{made.version}"


def patients(release: str, names: set[str]) -> set[int]:
    return {row["patient"] for row in RELEASES[release] if row["name"] in names}


def of_patients(release: str, names: set[str], some: set[int]) -> int:
    return sum(row["patient"] in some for row in RELEASES[release] if row["name"] in names)


def chosen(release: str) -> st.SearchStrategy[set[str]]:
    names = [str(row["name"]) for row in RELEASES[release]]
    return st.sets(st.sampled_from(names)) | st.just(set(names))


def pick(releases: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, set[str]]]]:
    return st.tuples(*(st.tuples(st.just(each), chosen(each)) for each in releases)).map(list)


PAIRS = st.sampled_from([("v1", "v1"), ("v1", "v2"), ("v2", "v1")]).flatmap(pick)
MANY = st.lists(st.sampled_from(["v1", "v2"]), min_size=2, max_size=5).flatmap(
    lambda releases: pick(tuple(releases))
)
some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@some
@given(pair=PAIRS)
def test_diff_is_what_sets_say(two: Catalog, pair: list[tuple[str, set[str]]]) -> None:
    (release_a, names_a), (release_b, names_b) = pair
    a, b = (ask(two, f"side-{n}", *each) for n, each in enumerate(pair))
    of_a, of_b = patients(release_a, names_a), patients(release_b, names_b)
    found = two.diff_subsets(a, b)
    assert found.both == Part(len(names_a & names_b), len(of_a & of_b))
    assert found.only_a == Part(len(names_a - names_b), len(of_a - of_b))
    assert found.only_b == Part(len(names_b - names_a), len(of_b - of_a))
    assert found.a == Side(a.rpartition("/")[2], f"ward@{release_a}", len(names_a), len(of_a))
    assert (found.b.images, found.b.patients) == (len(names_b), len(of_b))
    assert (found.releases is None) == (release_a == release_b)
    for each in found.findings:
        for release, names, images, share in (
            (release_a, names_a, each.a_images, each.a_share),
            (release_b, names_b, each.b_images, each.b_share),
        ):
            rows = [row for row in RELEASES[release] if row["name"] in names]
            with_it = sum(("text", each.finding) in row["said"] for row in rows)
            assert images == with_it
            assert share == (with_it / len(names) if names else 0)
    assert [each.finding for each in found.findings] == list(small.FINDINGS)
    expected = [("-", name) for name in names_a - names_b]
    expected += [("+", name) for name in names_b - names_a]
    assert list(two.diff_names(a, b)) == sorted(expected, key=lambda each: each[1])


@some
@given(subsets=MANY)
def test_overlap_is_what_sets_say(two: Catalog, subsets: list[tuple[str, set[str]]]) -> None:
    names = [ask(two, f"part-{n}", *each) for n, each in enumerate(subsets)]
    found = two.overlap(names)
    assert [(each.images, each.patients) for each in found.subsets] == [
        (len(images), len(patients(release, images))) for release, images in subsets
    ]
    expected = []
    for b, (release_b, names_b) in enumerate(subsets):
        for a, (release_a, names_a) in enumerate(subsets[:b]):
            shared = patients(release_a, names_a) & patients(release_b, names_b)
            expected.append(
                Shared(
                    a,
                    b,
                    images=len(names_a & names_b),
                    patients=len(shared),
                    a_images=of_patients(release_a, names_a, shared),
                    b_images=of_patients(release_b, names_b, shared),
                )
            )
    assert sorted(found.pairs, key=lambda pair: (pair.b, pair.a)) == expected
    assert found.leaks() == [pair for pair in found.pairs if pair.patients]


def test_what_changed_between_two_releases(two: Catalog) -> None:
    before = {str(row["name"]): row for row in RELEASES["v1"]}
    after = {str(row["name"]): row for row in RELEASES["v2"]}
    common = sorted(before.keys() & after.keys())
    found = two.diff_subsets("ward@v1/mass", "ward@v2/mass").releases
    assert found is not None
    assert found.images == len(common) == 53
    for field in ("age", "sex", "view", "follow_up"):
        differ = [name for name in common if before[name][field] != after[name][field]]
        assert getattr(found, field) == len(differ), field
    assert found.labels == sum(before[name]["said"] != after[name]["said"] for name in common)
    assert min(found.age, found.view, found.labels) > 0
    assert found.sex == found.follow_up == 0
    for each in found.findings:
        key = ("text", each.finding)
        said = [(key in before[name]["said"], key in after[name]["said"]) for name in common]
        assert (each.gained, each.lost) == (said.count((False, True)), said.count((True, False)))
    back = two.diff_subsets("ward@v2/mass", "ward@v1/mass").releases
    assert back is not None
    assert [(each.lost, each.gained) for each in back.findings] == [
        (each.gained, each.lost) for each in found.findings
    ]


def test_patients_are_compared_by_name_and_not_by_rank(catalog: Catalog, tmp_path: Path) -> None:
    rows = [dict(row, boxes=set()) for row in small.films()]
    other = [dict(row, patient=row["patient"] + 5_000) for row in rows]  # alike in rank alone
    small.write(tmp_path / "second", other)
    path = small.write(tmp_path / "ward", rows, TWO)
    (tmp_path / "second" / "films.csv").rename(tmp_path / "ward" / "second.csv")
    catalog.add_dataset(path)
    found = catalog.diff_subsets("ward@v1/mass", "ward@v2/mass")
    assert found.both.images == found.a.images == found.b.images > 0
    assert found.both.patients == 0
    assert found.only_a.patients == found.only_b.patients == found.a.patients > 0
    assert catalog.overlap(["ward@v1/mass", "ward@v2/mass"]).leaks() == []


def test_what_cannot_be_compared(two: Catalog) -> None:
    for names in (["mass", "ward/mass"], ["ward/mass", "ward@v2/mass", "nih-chest-xray/mass"]):
        with pytest.raises(UsageError, match="these are of different datasets"):
            two.overlap(names)
    with pytest.raises(UsageError, match="these are of different datasets, nih-chest-xray and war"):
        two.diff_subsets("mass", "ward/mass")
    for names in ([], ["mass"]):
        with pytest.raises(UsageError, match="name two subsets or more"):
            two.overlap(names)
    with pytest.raises(NotFoundError, match="did you mean mass"):
        two.overlap(["mass", "mas"])
    with pytest.raises(NotFoundError, match="its versions are 1 to 1"):
        list(two.diff_names("mass", "mass@2"))
    with pytest.raises(NotFoundError, match="unknown dataset 'ward@v3'"):
        two.subset_log("ward@v3/mass")


def test_the_same_subset_twice(two: Catalog) -> None:
    found = two.diff_subsets("mass", "mass@1")
    assert (found.both.images, found.both.patients) == (found.a.images, found.a.patients)
    assert list(two.diff_names("mass", "mass")) == []
    (pair,) = two.overlap(["mass", "mass"]).pairs
    assert (pair.images, pair.a_images) == (5_782, 5_782)


def test_an_empty_subset(two: Catalog) -> None:
    two.create_subset("nothing", "false", dataset="ward")
    found = two.diff_subsets("ward/nothing", "ward/mass")
    assert (found.a.images, found.both, found.only_a) == (0, Part(0, 0), Part(0, 0))
    assert {each.a_share for each in found.findings} == {0.0}
    (pair,) = two.overlap(["ward/nothing", "ward/nothing"]).pairs
    assert (pair.images, pair.patients, pair.a_images) == (0, 0, 0)


def test_the_log_says_what_each_version_gained_and_lost(catalog: Catalog) -> None:
    for where in ("mass", "mass or nodule", "mass and view = 'PA'"):
        catalog.create_subset("mine", where, note=f"asks {where}")
    first, second, third = catalog.subset_log("mine")
    mass, both = (catalog.subset(name).images for name in ("mass", "mine@2"))
    assert (first.version, first.query, first.operation) == (1, "mass", "where")
    assert (first.gained, first.lost, first.by) == (None, None, "tester")
    assert (second.gained, second.lost) == (both - mass, 0)
    assert (third.gained, third.lost) == (0, both - catalog.subset("mine").images)
    assert third.note == "asks mass and view = 'PA'"
    for each in (first, second, third):
        known = catalog.subset(f"mine@{each.version}")
        assert (each.images, each.patients, each.digest) == (
            known.images,
            known.patients,
            known.digest,
        )
        assert each.at == known.created_at
    assert catalog.subset_log("mine@2") == [first, second]
    with pytest.raises(NotFoundError, match="did you mean mine"):
        catalog.subset_log("mien")


def test_the_log_tells_of_a_withdrawal(catalog: Catalog) -> None:
    name = next(catalog.images("hernia")).name
    catalog.withdraw(Withdraw(reason="consent", images=(name,)))
    one, two = catalog.subset_log("hernia")
    assert (one.images, two.images, two.gained, two.lost) == (227, 226, 0, 1)
    assert list(catalog.diff_names("hernia@1", "hernia@2")) == [("-", name)]


def test_many_large_subsets_are_compared_in_about_a_millisecond_a_pair(
    sqlite_location: str,
) -> None:
    draw = np.random.default_rng(0)
    members = [BitMap(draw.choice(112_120, 50_000, replace=False)) for _ in range(60)]
    with Catalog.open(sqlite_location) as catalog:
        with catalog._store.writing() as session:
            owner = session.get_one(Dataset, 1).id
            for place, images in enumerate(members):
                session.add(_row(owner or 0, f"s{place}", images))
        names = [f"s{place}" for place in range(len(members))]
        catalog.overlap(names[:2])
        start = time.perf_counter()
        found = catalog.overlap(names)
        took = time.perf_counter() - start
    assert len(found.pairs) == 60 * 59 / 2
    for pair in found.pairs[:50]:
        assert pair.images == len(members[pair.a] & members[pair.b])
    assert took / len(found.pairs) < 0.005  # seconds; it takes a tenth of a millisecond


def _row(dataset: int, name: str, images: BitMap) -> Subset:
    return Subset(
        dataset_id=dataset,
        name=name,
        version=1,
        query="true",
        normal="true",
        operation="where",
        steps=[],
        reads=[],
        funnel=[],
        images=len(images),
        patients=0,
        digest=str(digest(images)),
        members=dump(images),
        note=None,
        built_in=False,
        by="tester",
        at=datetime.now(UTC),
    )
