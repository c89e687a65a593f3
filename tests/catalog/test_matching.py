"""Rows of attributes find their image where only one can be meant, and never another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog import Catalog
from cxrcat.catalog.matching import facts_of, match
from cxrcat.schemas.errors import InputError

from ..checks import nih_rows

ATTRIBUTES: Any = {
    "PatientID": "patient",
    "PatientSex": "sex",
    "PatientPosition": "view",
    "StudyDescription": "findings",
    "PatientAge": "age",
}
SPELLINGS = {"no finding": "no_finding", "lump": "mass", "mass": "mass", "nodule": "nodule"}


def image(name: str, patient: str, *findings: str, sex: str = "F", view: str = "PA") -> Any:
    return {"name": name, "patient": patient, "findings": findings, "sex": sex, "view": view}


def row(uid: int, patient: str, said: str, sex: str = "F", view: str = "PA", **more: Any) -> Any:
    return {
        "uid": uid,
        "PatientID": patient,
        "StudyDescription": said,
        "PatientSex": sex,
        "PatientPosition": view,
        **more,
    }


def places(images: list[Any], *rows: Any, attributes: Any = ATTRIBUTES) -> Any:
    """Return the uids: those matched with their image's name, the ambiguous, the unknown."""
    found = match(rows, images, attributes, SPELLINGS)
    return (
        {each["uid"]: name for each, name in found.matched},
        [each["uid"] for each in found.ambiguous],
        [each["uid"] for each in found.unknown],
    )


TWO = [image("a.png", "2", "mass", "nodule"), image("b.png", "2", "no_finding")]


def test_the_findings_are_compared_as_sets_and_numbers_without_zeros() -> None:
    rows = (row(1, "0002", "No Finding"), row(2, " 2", "Nodule| LUMP", sex="f", view="pa"))
    assert places(TWO, *rows) == ({1: "b.png", 2: "a.png"}, [], [])


def test_an_age_is_not_compared() -> None:
    assert places(TWO, row(1, "2", "No Finding", PatientAge="411"))[0] == {1: "b.png"}


@pytest.mark.parametrize(
    "other",
    [
        row(1, "3", "No Finding"),
        row(1, "2", "No Finding", sex="M"),
        row(1, "2", "No Finding", view="AP"),
        row(1, "2", "Mass"),
        row(1, "2", "Mass|Nodule|Nodul"),
        row(1, "", ""),
        {"uid": 1},
    ],
)
def test_a_row_that_differs_in_any_fact_is_unknown(other: Any) -> None:
    assert places(TWO, other) == ({}, [], [1])


def test_two_images_alike_are_never_guessed() -> None:
    images = [image("a.png", "2", "mass"), image("b.png", "2", "mass"), image("c.png", "2")]
    rows = (row(1, "2", "Mass"), row(2, "2", "Mass"), row(3, "2", ""))
    assert places(images, *rows) == ({3: "c.png"}, [1, 2], [])


def test_two_rows_alike_are_never_guessed() -> None:
    assert places(TWO, row(1, "2", "No Finding"), row(2, "2", "No Finding")) == ({}, [1, 2], [])


def test_a_patient_on_whom_the_releases_differ_is_not_trusted() -> None:
    """Of rows (mass), (nodule), the dataset now says (nodule), (effusion): which is the nodule?"""
    images = [image("a.png", "2", "nodule"), image("b.png", "2", "effusion")]
    others = [image("c.png", "3", "nodule")]
    rows = (row(1, "2", "Mass"), row(2, "2", "Nodule"), row(3, "3", "Nodule"))
    assert places(images + others, *rows) == ({3: "c.png"}, [2], [1])


def test_a_name_identifies_by_itself() -> None:
    attributes = {**ATTRIBUTES, "SOPInstanceUID": "stem", "ImageComments": "name"}
    rows = (
        row(1, "9", "", ImageComments="a.png"),
        row(2, "9", "", SOPInstanceUID="b"),
        row(3, "9", "", ImageComments="c.png"),
        row(4, "2", "No Finding", ImageComments="", SOPInstanceUID=None),
    )
    assert places(TWO, *rows[:3], attributes=attributes) == ({1: "a.png", 2: "b.png"}, [], [3])
    assert places(TWO, rows[3], attributes=attributes) == ({4: "b.png"}, [], [])
    assert places(TWO, *rows, attributes=attributes) == ({1: "a.png"}, [2, 4], [3])


def test_one_name_for_two_rows_is_never_guessed() -> None:
    rows = (row(1, "2", "", Name="a.png"), row(2, "2", "", Name="a.png"))
    assert places(TWO, *rows, attributes={"Name": "name"}) == ({}, [1, 2], [])


def test_a_stem_of_two_images_names_neither() -> None:
    images = [image("a.png", "2"), image("a.jpg", "3")]
    assert places(images, row(1, "2", "", Name="a"), attributes={"Name": "stem"})[2] == [1]


def test_without_name_and_patient_nothing_can_be_identified() -> None:
    with pytest.raises(InputError, match="attributes"):
        match([], TWO, {"PatientSex": "sex"})


FACTS = st.tuples(
    st.sampled_from("12"), st.frozensets(st.sampled_from(["mass", "nodule"])), st.sampled_from("MF")
)


@settings(deadline=None, max_examples=200)
@given(
    facts=st.lists(FACTS, max_size=8),
    extra=st.lists(FACTS, max_size=3),
    lost=st.integers(0, 8),
    order=st.randoms(use_true_random=False),
)
def test_what_is_matched_has_one_reading(
    facts: list[Any], extra: list[Any], lost: int, order: Any
) -> None:
    """Whatever rows are added or lost, a row that is matched was made from that image."""
    images = [
        image(f"{n}.png", patient, *found, sex=sex) for n, (patient, found, sex) in enumerate(facts)
    ]
    rows = [
        row(n, patient, "|".join(found), sex=sex)
        for n, (patient, found, sex) in enumerate([*facts, *extra])
        if n != lost
    ]
    order.shuffle(rows)
    matched, ambiguous, unknown = places(images, *rows)
    assert len(matched) + len(ambiguous) + len(unknown) == len(rows)
    alike = [facts.count(each) for each in facts]
    for uid, name in matched.items():
        wanted = facts[uid] if uid < len(facts) else extra[uid - len(facts)]
        assert alike[int(name[:-4])] == 1
        assert facts[int(name[:-4])] == wanted
    if not extra:
        assert {uid: f"{uid}.png" for uid in matched} == matched
        assert set(matched) == {n for n, times in enumerate(alike) if times == 1 and n != lost}


def test_nihs_own_rows_find_their_images(shared: Catalog) -> None:
    """Of all NIH's rows, said as Google's instances say them, those that are unlike are found."""
    descriptor = shared.descriptor()
    spec = next(each for each in descriptor.sources if each.kind == "bigquery")
    rows = [
        {
            "name": name,
            "PatientID": cells["Patient ID"],
            "PatientSex": cells["Patient Gender"],
            "PatientPosition": cells["View Position"],
            "StudyDescription": "|".join(sorted(cells["Finding Labels"].split("|"))),
        }
        for name, cells in nih_rows().items()
    ]
    assert shared.create_subset("all", "true").images == len(rows)
    found = match(
        rows,
        facts_of(shared.images("all")),
        spec.attributes,
        descriptor.vocabulary.spellings(),
    )
    alike = Counter(tuple(each.values())[1:] for each in rows)
    assert not found.unknown
    assert len(found.matched) == sum(times == 1 for times in alike.values()) == 49_271
    assert all(each["name"] == name for each, name in found.matched)
