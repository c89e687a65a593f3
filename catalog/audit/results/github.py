"""Annotations as GitHub's workflow commands, which show beside the lines of a change."""

from __future__ import annotations

from pathlib import Path

from ..model import AuditReport, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def write(report: AuditReport) -> str:
    """Return a command a problem; paths are relative to the folder that the command ran in."""
    lines = []
    here = Path.cwd()
    for project in report.projects:
        root = Path(project.root).absolute()
        base = root.relative_to(here) if root.is_relative_to(here) else root
        for problem in project.problems:
            facts = [f"file={_property(str(base / problem.path))}"]
            if problem.line is not None:
                facts.append(f"line={problem.line}")
            facts.append(f"title={_property(problem.rule)}")
            message = _data(f"{problem.message}; {problem.mend}")
            lines.append(f"::{_COMMANDS[problem.severity]} {','.join(facts)}::{message}\n")
    return "".join(lines)


def _data(text: str) -> str:
    """Return a text as commands have it, in which no control character reaches a terminal."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
