"""Splits: no patient in two parts, near the shares, and the same when the subset grows."""

from __future__ import annotations

import pytest

from cxrcat.catalog import Catalog
from cxrcat.catalog.derive import Derivation
from cxrcat.catalog.split import Splitting
from cxrcat.schemas.errors import NotFoundError, UsageError

INTO = (("train", "0.7"), ("val", "0.1"), ("test", "0.2"))


def parts(catalog: Catalog, name: str) -> dict[str, dict[str, str]]:
    """Return the patient of each image, by part."""
    return {
        part: {row.name: row.patient for row in catalog.images(f"{name}-{part}")}
        for part, _ in INTO
    }


def test_a_split_by_patient(catalog: Catalog) -> None:
    report = catalog.split_subset("pneumothorax", Splitting(INTO, seed=5))
    found = parts(catalog, "pneumothorax")
    patients = [set(part.values()) for part in found.values()]
    assert sum(map(len, found.values())) == 5302
    assert sum(map(len, patients)) == len(set().union(*patients)) == 1487
    assert report.shared_patients == 0
    for part in report.parts:
        assert part.subset.images == len(found[part.subset.name.rpartition("-")[2]])
        assert part.share == pytest.approx(part.subset.images / 5302)
        assert part.patient_share == pytest.approx(part.subset.patients / 1487)
        assert abs(part.patient_share - part.wanted) < 0.05
        assert part.strata["pneumothorax"] == (part.subset.images, part.share)
    assert [each.subset.name for each in report.parts] == [f"pneumothorax-{n}" for n, _ in INTO]
    again = catalog.split_subset("pneumothorax", Splitting(INTO, seed=5))
    assert [each.subset.version for each in again.parts] == [1, 1, 1]


def test_patients_stay_in_their_part_when_the_subset_grows(catalog: Catalog) -> None:
    wanted = Splitting(INTO, stratify="finding", seed=5)
    catalog.create_subset("films", "pneumothorax and view = 'PA'")
    first = catalog.split_subset("films", wanted)
    before = parts(catalog, "films")
    catalog.create_subset("films", "pneumothorax or effusion")
    second = catalog.split_subset("films", wanted)
    after = parts(catalog, "films")
    assert first.draw == second.draw
    for part in before:
        assert before[part].items() <= after[part].items()
    assert [each.subset.version for each in second.parts] == [2, 2, 2]


def test_a_sample_and_a_part_are_divided_with_the_same_seed(catalog: Catalog) -> None:
    catalog.create_subset(
        "pilot", derivation=Derivation(parent="effusion", sample=2_000, by="patient", seed=5)
    )
    for name, level in (("pilot", 0), ("pilot-train", 1), ("pilot-train-train", 2)):
        report = catalog.split_subset(name, Splitting(INTO, seed=5))
        for part in report.parts:
            assert abs(part.patient_share - part.wanted) < 0.05
        assert (", level" in report.parts[0].subset.funnel[-1].condition) == (level > 0)
        again = catalog.split_subset(name, Splitting(INTO, seed=5))
        assert [each.subset.version for each in again.parts] == [1, 1, 1]


def test_a_stratified_split_comes_closer(catalog: Catalog) -> None:
    def distance(wanted: Splitting) -> float:
        report = catalog.split_subset("pneumothorax", wanted)
        return sum(
            (count - part.wanted * count / share) ** 2 / (part.wanted * count / share)
            for part in report.parts
            for count, share in part.strata.values()
            if share
        )

    plain = distance(Splitting(INTO, seed=5))
    assert distance(Splitting(INTO, stratify="finding", seed=5)) < plain / 2
    by_sex = catalog.split_subset("pneumothorax", Splitting(INTO, stratify="sex", seed=5))
    assert set(by_sex.parts[0].strata) == {"F", "M"}
    for part in by_sex.parts:
        for _, share in part.strata.values():
            assert abs(share - part.wanted) < 0.02


def test_a_split_by_image_says_that_it_leaks(catalog: Catalog) -> None:
    report = catalog.split_subset("pneumothorax", Splitting(INTO, by="image"))
    patients = [set(part.values()) for part in parts(catalog, "pneumothorax").values()]
    shared = {each for each in set().union(*patients) if sum(each in p for p in patients) > 1}
    assert report.shared_patients == len(shared) > 100


def test_what_was_read_is_recorded(catalog: Catalog) -> None:
    report = catalog.split_subset("hernia", Splitting(INTO, stratify="finding"))
    (subset, labels) = report.parts[0].subset.reads
    assert (subset["kind"], subset["name"]) == ("subset", "hernia@1")
    assert (labels["kind"], labels["name"], labels["word"]) == (
        "labels",
        "nih",
        "--stratify finding",
    )


def test_what_cannot_be_divided(catalog: Catalog) -> None:
    catalog.create_subset("empty", derivation=Derivation(where="mass and not mass"))
    with pytest.raises(UsageError, match="is empty"):
        catalog.split_subset("empty", Splitting(INTO))
    with pytest.raises(UsageError, match="cannot name a subset"):
        catalog.split_subset("hernia", Splitting((("../x", "0.5"), ("b", "0.5"))))
    with pytest.raises(NotFoundError, match="did you mean hernia"):
        catalog.split_subset("hernai", Splitting(INTO))
    assert len(catalog.subsets()) == 16
