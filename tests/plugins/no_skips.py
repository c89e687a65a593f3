"""A pytest plugin for CI: a test that is skipped fails, unless its reason is allowed.

A skip is for a machine that lacks something. CI lacks nothing, so there a skip is a check
that silently stopped checking. Loaded by `make test` when CI=true.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

ALLOWED: tuple[str, ...] = ()
"""Regular expressions, each to match a whole reason; with a word why CI cannot do better."""


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    # pytest describes a skip by (path, line, "Skipped: reason").
    where, reason = "", str(report.longrepr)
    if isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        where = f"{path}:{line}: "
    reason = reason.removeprefix("Skipped: ")
    if not any(re.fullmatch(pattern, reason) for pattern in ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"{where}skipped where every test has to run: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, pytest.TestReport]:
    """Turn the skip of a test into its failure."""
    report: pytest.TestReport = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    """Turn the skip of a whole module into its failure."""
    report: pytest.CollectReport = yield
    _refuse(report)
    return report
