"""An audit's results as JSON, for programs; `format` counts up when a key changes its meaning."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_jsonable_python

from ..known import unpack
from ..model import AuditReport, ProjectReport

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
        "rules": to_jsonable_python(report.rules),
    }


def _project(each: ProjectReport) -> dict[str, Any]:
    facts = to_jsonable_python(each.facts)
    for found in (*facts["exports"], *facts["images"]):
        members = found.pop("members")
        found["images"] = None if members is None else len(unpack(members))
    return {
        "name": each.name,
        "root": each.root,
        "concerned": each.facts.concerned,
        "duties": list(each.duties),
        "met": list(each.met),
        "problems": to_jsonable_python(each.problems),
        "known": to_jsonable_python(each.known),
        "facts": facts,
    }
