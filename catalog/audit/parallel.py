"""One question asked of many things, by as many processes as there are cores."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ...schemas.errors import CatalogError

_FEWEST = 24  # things, for which starting processes is worth it
_PIECES = 48  # that each process gets: the last ones to end leave the others idle

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")

_ask: Callable[[Any], Any] | None = None  # what a fork asks; what it holds cannot be sent there


@contextmanager
def each_of(
    ask: Callable[[Thing], Answer],
    things: Sequence[Thing],
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[Answer]]:
    """Give the answers in the order of the things, whichever process found them.

    The first is asked here, so that the others start with whatever it had to read. `begin` is
    called in each new process. An error of a question is raised where its answer is taken.
    Processes are forks, which only Linux makes safely; elsewhere all is asked here.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    if cores < 2 or len(things) < _FEWEST:
        yield map(ask, things)
        return
    first, rest = ask(things[0]), things[1:]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    global _ask
    _ask = ask
    executor = ProcessPoolExecutor(cores, get_context("fork"), _begin, (begin,))
    try:
        piece = max(1, len(rest) // (cores * _PIECES))
        answers = executor.map(_answer, rest, chunksize=piece)
        yield _chained(first, answers)
    except BrokenProcessPool as error:
        raise CatalogError("a process of the audit ended early; is there enough memory?") from error
    finally:
        _ask = None
        executor.shutdown(cancel_futures=True)


def _chained(first: Answer, rest: Iterator[Answer]) -> Iterator[Answer]:
    yield first
    yield from rest


def _begin(begin: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process before says when to end
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    begin()


def _answer(thing: Any) -> Any:
    assert _ask is not None  # noqa: S101 - for the type checker
    return _ask(thing)
