"""An audit's results as JSON, for programs; `format` counts up when a key changes its meaning."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ..known import unpack
from ..model import AuditReport, Problem, ProjectReport

FORMAT = "cxrcat.audit/1"


def write(report: AuditReport) -> str:
    """Return the JSON document."""
    return json.dumps(data(report), indent=2, ensure_ascii=False) + "\n"


def data(report: AuditReport) -> dict[str, Any]:
    """Return the results as lists and dictionaries; bitmaps become numbers of images."""
    return {
        "format": FORMAT,
        "at": report.at,
        "by": report.by,
        "projects": [_project(each) for each in report.projects],
        "rules": [asdict(rule) for rule in report.rules],
    }


def _project(each: ProjectReport) -> dict[str, Any]:
    facts = asdict(each.facts)
    for found in (*facts["exports"], *facts["images"]):
        members = found.pop("members")
        found["images"] = None if members is None else len(unpack(members))
    return {
        "name": each.name,
        "root": each.root,
        "concerned": each.facts.concerned,
        "duties": list(each.duties),
        "met": list(each.met),
        "problems": [_problem(problem) for problem in each.problems],
        "known": [_problem(problem) for problem in each.known],
        "facts": facts,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {**asdict(problem), "severity": problem.severity.value}
