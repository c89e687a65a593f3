"""Memberships as bitmaps: stored and loaded, damaged, and digested the same however made."""

from __future__ import annotations

import random
import struct

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog.bitmaps import digest, dump, load, ordinals
from cxrcat.catalog.patients import Patients
from cxrcat.schemas.errors import CatalogError

ORDINALS = st.integers(0, 200_000) | st.integers(0, 2**32 - 1)
SETS = st.one_of(
    st.frozensets(ORDINALS, max_size=60),
    st.builds(
        lambda start, length, gaps: frozenset(range(start, start + length)) - gaps,
        st.integers(0, 150_000),
        st.integers(0, 9_000),
        st.frozensets(st.integers(0, 160_000), max_size=9),
    ),
)


def plain_digest(members: frozenset[int]) -> str:
    packed = b"".join(struct.pack("<I", each) for each in sorted(members))
    return f"xxh128:{xxhash.xxh3_128_hexdigest(packed)}"


@settings(max_examples=60, deadline=None)
@given(SETS)
def test_a_set_comes_back_as_it_was(members: frozenset[int]) -> None:
    assert set(load(dump(BitMap(members)))) == members
    assert list(ordinals(BitMap(members))) == sorted(members)


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 99))
def test_equal_sets_have_equal_bytes_and_digests(members: frozenset[int], seed: int) -> None:
    draw = random.Random(seed)
    one = BitMap(members)
    one.run_optimize()
    two = BitMap()
    for each in draw.sample(sorted(members), len(members)):
        two.add(each)
    three = BitMap([*members, 7]) - BitMap([7]) | BitMap(members & {7})
    assert dump(one) == dump(two) == dump(three)
    assert str(digest(one)) == str(digest(two)) == str(digest(three)) == plain_digest(members)
    assert str(digest(load(dump(one)))) == plain_digest(members)


def test_dumping_leaves_the_set_alone() -> None:
    members = BitMap(range(10_000))
    before = members.serialize()
    dump(members)
    assert members.serialize() == before


def test_known_digests() -> None:
    assert str(digest(BitMap())) == "xxh128:99aa06d3014798d86001c324468d497f"
    assert str(digest(BitMap([1]))) == plain_digest(frozenset({1}))


@pytest.mark.parametrize(
    "blob", [b"", b"junk", b"\0" * 16, dump(BitMap(range(0, 999, 7)))[:-3], b"\xff" * 64]
)
def test_a_damaged_blob_is_a_clear_error(blob: bytes) -> None:
    with pytest.raises(CatalogError, match="a bitmap of the catalog is damaged; restore it"):
        load(blob)


@settings(max_examples=80, deadline=None)
@given(SETS, st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_any_damage_is_a_clear_error_or_another_set(
    members: frozenset[int], place: int, junk: bytes
) -> None:
    blob = dump(BitMap(members))
    try:
        found = load(blob[:place] + junk + blob[place + len(junk) :])
    except CatalogError:
        return
    assert list(found) == sorted(set(found))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["1", "2", "30805", "P-7", "ü"]), min_size=1, max_size=50),
    st.data(),
)
def test_patients_are_counted_as_by_a_plain_count(patients: list[str], data: st.DataObject) -> None:
    blob, number = Patients.dump(patients)
    assert number == len(set(patients))
    members = data.draw(st.frozensets(st.integers(0, len(patients) - 1)))
    expected = len({patients[each] for each in members})
    assert Patients(blob).count(BitMap(members)) == expected


def test_the_blob_of_patients_is_of_little_endian_ranks_in_order_of_appearance() -> None:
    assert Patients.dump(["9", "3", "9", "1"]) == (struct.pack("<4I", 0, 1, 0, 2), 3)
