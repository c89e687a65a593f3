"""Withdrawals: new versions leave images out, old ones stay, and everything touched is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.derive import Derivation
from cxrcat.catalog.impact import Target
from cxrcat.catalog.split import Splitting
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import InputError, NotFoundError, UsageError

HERNIA = "00000003_000.png"


def names(catalog: Catalog, subset: str) -> set[str]:
    return {row.name for row in catalog.images(subset)}


def test_new_versions_leave_it_out_and_old_ones_stay(catalog: Catalog) -> None:
    before = catalog.subset("hernia")
    (report,) = catalog.withdraw(Withdraw("burned-in name", images=(HERNIA,)))
    assert (report.withdrawn, report.already) == (1, 0)
    assert [each.name for each in report.renewed] == ["hernia"]
    assert catalog.subset("hernia@1") == before
    after = catalog.subset("hernia")
    assert (after.version, after.images, after.query) == (2, 226, before.query)
    assert after.funnel[-1].condition == "not withdrawn"
    assert names(catalog, "hernia@1") - names(catalog, "hernia") == {HERNIA}
    assert HERNIA not in names(
        catalog, catalog.create_subset("old", derivation=Derivation(parent="hernia@1")).name
    )
    assert catalog.create_subset("all", "true").images == 112_119


def test_again_changes_nothing(catalog: Catalog) -> None:
    catalog.withdraw(Withdraw("once", images=(HERNIA, HERNIA)))
    (report,) = catalog.withdraw(Withdraw("twice", images=(HERNIA,)))
    assert (report.withdrawn, report.already, report.renewed) == (0, 1, ())
    assert catalog.subset("hernia").version == 2


def test_steps_are_done_again(catalog: Catalog, tmp_path: Path) -> None:
    catalog.create_subset("few", derivation=Derivation(where="hernia", sample=50, seed=1))
    victim = min(names(catalog, "few"))
    listed = tmp_path / "names.txt"
    listed.write_text("\n".join(sorted(names(catalog, "few"))))
    catalog.create_subset("listed", derivation=Derivation(listed=listed))
    catalog.split_subset("few", Splitting((("a", "0.5"), ("b", "0.5")), stratify="finding"))
    reads = catalog.subset("few-a").reads
    (report,) = catalog.withdraw(Withdraw("damaged", images=(victim,)))
    renewed = {each.name: each.images for each in report.renewed}
    assert renewed["few"] == 50  # the next lot takes the place
    assert renewed["listed"] == 49
    assert {"few-a", "few-b"} & set(renewed)
    for name in renewed:
        assert victim not in names(catalog, name)
    assert all(catalog.subset(name).reads for name in renewed if name != "listed")
    assert catalog.subset("few-a").reads == reads


def test_a_patient_and_a_file(catalog: Catalog, tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("00000001_000.png\n00000001_001.png\n")
    (report,) = catalog.withdraw(Withdraw("x", patients=("00000003",), listed=listed))
    assert report.withdrawn == 10  # patient 3 has eight images
    assert all(row.patient != "3" for row in catalog.images("hernia"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Withdraw("x"), "say which"),
        (Withdraw(" ", images=(HERNIA,)), "say why"),
        (Withdraw("x\x1b[31m", images=(HERNIA,)), "cannot be printed"),
        (Withdraw("x", images=("nope.png", HERNIA)), "1 of 2 are not in .*nothing.*nope.png"),
        (Withdraw("x", patients=("999999",)), "999999"),
        (Withdraw("x", listed=Path("/nonexistent/names")), "cannot be read"),
        (Withdraw("x", images=(HERNIA,), dataset="nih"), "unknown dataset 'nih'"),
    ],
)
def test_what_cannot_be_withdrawn(catalog: Catalog, wanted: Withdraw, said: str) -> None:
    with pytest.raises((UsageError, NotFoundError, InputError), match=said):
        catalog.withdraw(wanted)
    assert catalog.subset("hernia").version == 1


def test_an_export_of_an_old_version_says_so(catalog: Catalog, tmp_path: Path) -> None:
    catalog.withdraw(Withdraw("consent withdrawn", images=(HERNIA,)))
    with pytest.raises(UsageError, match=r"1 images of hernia@1 were withdrawn.*consent"):
        catalog.export(Request("hernia@1", tmp_path / "old"))
    assert not (tmp_path / "old").exists()
    manifest, _ = catalog.export(Request("hernia", tmp_path / "new"))
    assert manifest.subset.version == 2
    catalog.export(Request("hernia@1", tmp_path / "old", allow_withdrawn=True))


def test_impact(catalog: Catalog, tmp_path: Path) -> None:
    catalog.create_subset("films", "hernia and view = 'PA'")
    catalog.create_subset("derived", derivation=Derivation(parent="films", sample=5))
    catalog.export(Request("films", tmp_path / "films", project="thesis"))
    found = catalog.impact(Target(image=HERNIA))
    assert found.images == 1
    assert (
        {"hernia", "films"}
        <= {each.name for each in found.subsets}
        <= {
            "hernia",
            "films",
            "derived",
        }
    )
    assert [each.subset for each in found.exports] == ["films@1"]
    assert found.projects == ("thesis",)
    patient = catalog.impact(Target(patient="0003"))
    assert patient.images == 8
    counts = {each.name: each.images for each in patient.subsets}
    assert counts["hernia"] == sum(row.patient == "3" for row in catalog.images("hernia"))
    everything = catalog.impact(Target(labels="nih"))
    assert {"derived", "films", "hernia"} <= {each.name for each in everything.subsets}
    assert len(everything.subsets) == 17
    catalog.create_subset("old", "age > 90")
    catalog.export(Request("old", tmp_path / "old"))
    held = catalog.impact(Target(labels="nih"))  # every metadata.csv holds NIH's labels
    assert {each.subset for each in held.exports} == {"films@1", "old@1"}
    assert len(held.subsets) == 17
    assert catalog.impact(Target(labels="boxes")).subsets == ()
    catalog.create_subset("marked", "boxed(mass)")
    assert [each.name for each in catalog.impact(Target(labels="boxes")).subsets] == ["marked"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(), "name one"),
        (Target(image=HERNIA, patient="3"), "name one"),
        (Target(image="x"), "no image 'x'"),
        (Target(patient="0"), "no patient '0'"),
        (Target(labels="box"), "unknown label set 'box'; did you mean boxes"),
    ],
)
def test_what_touches_nothing(shared: Catalog, target: Target, said: str) -> None:
    with pytest.raises((UsageError, NotFoundError), match=said):
        shared.impact(target)
