"""The results of an audit in the forms that people and programs read, one form a module."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from ..model import AuditReport


class ResultFormat(StrEnum):
    """A form of an audit's results, beside the table that the command prints."""

    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"
    HTML = "html"


def render(form: ResultFormat, report: AuditReport) -> str:
    """Return an audit's results in one form, ending in a newline.

    Bytes of a folder's name that are no text become escapes, which JSON has, too.
    """
    return _render(form, report).encode("utf-8", "backslashreplace").decode()


def _render(form: ResultFormat, report: AuditReport) -> str:
    match form:  # each imports what the others do without
        case ResultFormat.JSON:
            from . import data

            return data.write(report)
        case ResultFormat.SARIF:
            from . import sarif

            return sarif.write(report)
        case ResultFormat.GITHUB:
            from . import github

            return github.write(report)
        case ResultFormat.JUNIT:
            from . import junit

            return junit.write(report)
        case ResultFormat.HTML:
            from . import html

            return html.write(report)
        case _:
            assert_never(form)
