"""Rules asked of facts alone: what takes many folders or many withdrawals to show."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pyroaring import BitMap

from cxrcat.catalog import Catalog, store
from cxrcat.catalog.audit.known import Known, pack
from cxrcat.catalog.audit.model import Facts, FoundImages, Problem
from cxrcat.catalog.audit.rules import Project, ask, rules
from cxrcat.catalog.withdrawals import Withdraw


@pytest.fixture
def known(sqlite_location: str) -> Iterator[Known]:
    opened = store.Store(sqlite_location)
    with opened.reading() as session:
        yield Known(session)
    opened.close()


def asked(known: Known, rule: str, images: dict[str, BitMap]) -> list[Problem]:
    """Return the problems of a rule where images lie in folders."""
    name = known.defaults[0].name
    facts = Facts(
        files=1,
        size=1,
        images=tuple(
            FoundImages(place, name, len(members), pack(members), place, "name")
            for place, members in images.items()
        ),
    )
    off = {each.id: None for each in rules() if each.id != rule}
    return ask(Project("/study", facts, known, (), frozenset()), off)


def test_a_folder_a_patient_takes_no_time(known: Known) -> None:
    # The 112,120 images stand in the order of their patients.
    clean = {
        f"data/{'train' if number < 60_000 else 'test'}/{number}": BitMap([number])
        for number in range(0, 100_000, 50)
    }
    leaking = {"more/test": BitMap([0, 90_000]), "more/val": BitMap([50, 90_000])}
    before = time.perf_counter()
    found = asked(known, "patient-leak", clean | leaking)
    assert time.perf_counter() - before < 10
    assert {(each.path, each.key.partition(" ")[0]) for each in found} == {
        ("more/test", "data/train/0"),
        ("more/val", "data/test/90000"),
        ("more/val", "more/test"),
    }


def test_each_reason_of_a_withdrawal_is_a_problem_of_its_own(sqlite_location: str) -> None:
    names = ("00000001_000.png", "00000001_001.png", "00000001_002.png")
    with Catalog.open(sqlite_location) as catalog:
        catalog.withdraw(Withdraw("blurred", images=names[:1]))
        catalog.withdraw(Withdraw("consent was withdrawn", images=names[1:]))
    opened = store.Store(sqlite_location)
    with opened.reading() as session:
        found = asked(Known(session), "withdrawn-images", {"images": BitMap([0, 1, 2, 3])})
    opened.close()
    assert {each.message for each in found} == {
        f"1 images were withdrawn (blurred): {names[0]}",
        f"2 images were withdrawn (consent was withdrawn): {names[1]}, {names[2]}",
    }
    assert len({each.key for each in found}) == 2
