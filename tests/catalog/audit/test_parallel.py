"""One question asked of many things by several processes: the same answers, errors and all."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from cxrcat.catalog.audit.parallel import each_of
from cxrcat.schemas.errors import CatalogError, InputError

MANY = list(range(200))

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two cores of Linux"
)


def test_answers_come_in_the_order_of_the_things_from_other_processes() -> None:
    with each_of(lambda thing: (thing, os.getpid()), MANY, lambda: None) as answers:
        found = list(answers)
    assert [thing for thing, _ in found] == MANY
    assert found[0][1] == os.getpid()
    assert os.getpid() not in {process for _, process in found[1:]}


def test_few_things_are_asked_here() -> None:
    with each_of(lambda _: os.getpid(), MANY[:3], lambda: None) as answers:
        assert list(answers) == [os.getpid()] * 3


@pytest.mark.parametrize("wrong", [0, 150])
def test_an_error_is_the_same_whichever_process_meets_it(wrong: int) -> None:
    def ask(thing: int) -> int:
        if thing == wrong:
            raise InputError(f"{thing}: is wrong")
        return thing

    with (
        pytest.raises(InputError, match=f"^{wrong}: is wrong$"),
        each_of(ask, MANY, lambda: None) as answers,
    ):
        list(answers)


def test_a_process_that_is_killed_is_told_of_in_one_line() -> None:
    here = os.getpid()

    def ask(thing: int) -> int:
        if thing == 100 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return thing

    with (
        pytest.raises(CatalogError, match="ended early"),
        each_of(ask, MANY, lambda: None) as answers,
    ):
        list(answers)
