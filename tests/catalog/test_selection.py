"""Steps on the answer of a question: what they keep, and that their facts alone decide it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog import lots, selection
from cxrcat.catalog.selection import Listed, OnePerPatient, Part, Sample, read_shares
from cxrcat.schemas.errors import InputError, UsageError

SEEDS = st.integers(min_value=-(1 << 63), max_value=1 << 64)
SPLIT = (("train", "0.7"), ("val", "0.1"), ("test", "0.2"))


class People:
    """A population in memory: the patient and the visit of each image."""

    def __init__(self, rows: list[tuple[int, int]]) -> None:
        self.rows = rows

    def lots(self, by: lots.By) -> lots.Lots:
        if by == "image":
            return lots.of_names(f"image {place}" for place in range(len(self.rows)))
        return lots.of_names(f"patient {patient}" for patient, _ in self.rows)

    def patient_ranks(self) -> np.ndarray:
        return np.array([patient for patient, _ in self.rows], dtype=np.uint32)

    def visits(self) -> np.ndarray:
        return np.array([visit for _, visit in self.rows], dtype=np.int64)


@st.composite
def populations(draw: st.DrawFn) -> tuple[People, BitMap]:
    person = st.tuples(st.integers(0, 9), st.integers(-1, 3))
    rows = draw(st.lists(person, min_size=1, max_size=40))
    members = draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    return People(rows), BitMap(members)


@given(populations(), st.sampled_from(get_args(selection.Which)), SEEDS)
def test_one_image_a_patient(
    drawn: tuple[People, BitMap], which: selection.Which, seed: int
) -> None:
    people, members = drawn
    kept = OnePerPatient(which, seed).apply(people, members)
    assert kept <= members
    of_patient = defaultdict(list)
    for ordinal in members:
        patient, visit = people.rows[ordinal]
        of_patient[patient].append((visit, ordinal))
    assert Counter(people.rows[each][0] for each in kept) == dict.fromkeys(of_patient, 1)
    if which != "random":
        best = min if which == "first" else max
        assert kept == BitMap(best(images)[1] for images in of_patient.values())


@given(populations(), st.sampled_from(get_args(lots.By)), SEEDS, st.data())
def test_a_sample(
    drawn: tuple[People, BitMap], by: lots.By, seed: int, data: st.DataObject
) -> None:
    people, members = drawn
    patients = {people.rows[each][0] for each in members}
    most = len(members) if by == "image" else len(patients)
    count = data.draw(st.integers(1, most))
    kept = Sample(count, by, seed).apply(people, members)
    assert kept <= members
    chosen = {people.rows[each][0] for each in kept}
    if by == "image":
        assert len(kept) == count
    else:
        assert len(chosen) == count
        assert kept == BitMap(each for each in members if people.rows[each][0] in chosen)
    if count > 1:  # a smaller sample is a part of a larger one
        assert Sample(count - 1, by, seed).apply(people, members) < kept
    with pytest.raises(UsageError, match=f"a sample of {most + 1} {by}s cannot be drawn"):
        Sample(most + 1, by, seed).apply(people, members)


@given(populations(), st.sampled_from(get_args(lots.By)), SEEDS, st.integers(0, 300))
def test_parts_divide_and_stay(
    drawn: tuple[People, BitMap], by: lots.By, seed: int, draw: int
) -> None:
    people, members = drawn
    parts = [Part(name, SPLIT, by, None, seed, draw).apply(people, members) for name, _ in SPLIT]
    assert sum(map(len, parts)) == len(members)
    assert BitMap.union(*parts) == members
    if by == "patient":
        patients = [{people.rows[each][0] for each in part} for part in parts]
        assert sum(map(len, patients)) == len(set().union(*patients))
    everybody = BitMap(range(len(people.rows)))
    for (name, _), part in zip(SPLIT, parts, strict=True):
        grown = Part(name, SPLIT, by, None, seed, draw).apply(people, everybody)
        assert grown & members == part


def test_a_split_comes_close() -> None:
    people = People([(number, 0) for number in range(20_000)])
    everybody = BitMap(range(20_000))
    for name, share in SPLIT:
        part = Part(name, SPLIT, "patient", None, 1).apply(people, everybody)
        assert abs(len(part) / 20_000 - float(share)) < 0.01


def test_steps_with_one_seed_are_independent() -> None:
    people = People([(number, 0) for number in range(20_000)])
    sample = Sample(5_000, "patient", 7).apply(people, BitMap(range(20_000)))
    trained = Part("train", SPLIT, "patient", None, 7).apply(people, sample)
    assert abs(len(trained) / 5_000 - 0.7) < 0.02
    again = Part("train", SPLIT, "patient", None, 7, level=1).apply(people, trained)
    assert abs(len(again) / len(trained) - 0.7) < 0.03
    unlike = Sample(2_500, "patient", 7, level=1).apply(people, sample)
    assert len(unlike & Sample(2_500, "patient", 7).apply(people, sample)) < 1_500


def test_a_sample_of_one_image_a_patient_does_not_prefer_the_patients_with_many() -> None:
    people = People(
        [(number % 4_000 if number < 36_000 else number, 0) for number in range(40_000)]
    )
    chosen = OnePerPatient("random", 7).apply(people, BitMap(range(40_000)))
    sample = Sample(2_000, "image", 7).apply(people, chosen)
    assert abs(sum(people.rows[each][0] < 4_000 for each in sample) / 2_000 - 0.5) < 0.05


@given(SEEDS, SEEDS)
def test_two_seeds_have_nothing_to_do_with_each_other(one: int, two: int) -> None:
    assume(one != two)
    names = lots.of_names(map(str, range(2_000)))
    first, second = (lots.shuffled(names, f"{seed}") < 1 << 63 for seed in (one, two))
    assert 700 < np.count_nonzero(first == second) < 1300


def test_lots_are_the_same_everywhere() -> None:
    # Known values: a release that changed them would make other samples of the same seed.
    names = lots.of_names(["00000001_000.png", "00000001_001.png", "ünï"])
    assert names.tolist() == [1424419703695040569, 11471893850859315647, 6574230039953973664]
    assert lots.shuffled(names, "7:0").tolist() == [
        17641313037288031003,
        673703039260034225,
        13097136256147318213,
    ]


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 40))
def test_the_smallest_lots(values: list[int], count: int) -> None:
    found = lots.smallest(np.array(values, dtype=np.uint64), count)
    order = sorted(range(len(values)), key=lambda place: (values[place], place))
    assert found.tolist() == sorted(order[:count])


@given(st.integers(0, (1 << 64) - 1))
def test_the_ends_of_shares(lot: int) -> None:
    found = np.searchsorted(selection.ends(SPLIT), np.array([lot], dtype=np.uint64), side="right")
    expected = 0 if lot < 7 * (1 << 64) // 10 else 1 if lot < 8 * (1 << 64) // 10 else 2
    assert found.tolist() == [expected]


STEPS = st.one_of(
    st.builds(OnePerPatient, st.sampled_from(get_args(selection.Which)), SEEDS),
    st.builds(Sample, st.integers(1), st.sampled_from(get_args(lots.By)), SEEDS),
    st.builds(Part, st.just("val"), st.just(SPLIT), seed=SEEDS, draw=st.integers(0)),
    st.builds(Listed, st.text(), st.integers(1), st.text()),
)


@given(STEPS)
def test_steps_are_recorded_whole(step: selection.Step) -> None:
    assert selection.load(selection.dump(step)) == step
    assert step.words()


def test_shares_are_read() -> None:
    assert read_shares(" train=0.7, val=0.1,test=0.2") == SPLIT
    assert read_shares("a=1/3,b=2/3") == (("a", "1/3"), ("b", "2/3"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no split"),
        ("train", "is no split"),
        ("train=0.5,test=x", "is no split"),
        ("train=-0.5,test=1.5", "is no split"),
        ("train=1,test=0", "is no split"),
        ("=0.5,test=0.5", "is no split"),
        ("a=1/0,b=1/2", "is no split"),
        ("a=" + "1" * 400 + ",b=0.5", "is no split"),
        ("train=0.5,train=0.5", "each named once"),
        ("train=0.9", "at least two parts"),
        ("train=0.5,test=0.4", "add up to 0.9, not to 1"),
    ],
)
def test_what_is_no_split(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_shares(text)
