"""SARIF 2.1.0, which code scanning services and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..baseline import fingerprint, names_of
from ..model import AuditReport, Problem, ProjectReport, Rule

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def write(report: AuditReport) -> str:
    """Return the SARIF log: one run, with a base address a project."""
    run = {
        "tool": {
            "driver": {
                "name": "cxrcat",
                "version": version("cxrcat"),
                "rules": [_rule(rule) for rule in report.rules],
            }
        },
        "originalUriBaseIds": {
            _base(number): {"uri": Path(each.root).absolute().as_uri() + "/"}
            for number, each in enumerate(report.projects)
        },
        "columnKind": "unicodeCodePoints",
        "results": list(_results(report)),
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _base(number: int) -> str:
    return f"PROJECT{number}"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.mend, "markdown": f"{rule.why}\n\n{rule.mend}"},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _results(report: AuditReport) -> Iterator[dict[str, Any]]:
    places = {rule.id: number for number, rule in enumerate(report.rules)}
    names = names_of(report)
    for number, project in enumerate(report.projects):
        name = names[project.root]
        for state, problems in (("new", project.problems), ("unchanged", project.known)):
            for problem in problems:
                yield _result(number, project, name, problem, places[problem.rule], state)


def _result(
    number: int, project: ProjectReport, name: str, problem: Problem, rule: int, state: str
) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(problem.path or "."), "uriBaseId": _base(number)}
    }
    if problem.line is not None:
        place["region"] = {"startLine": problem.line}
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": f"{project.name}: {problem.message}; {problem.mend}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"cxrcat/1": fingerprint(name, problem)},
        "baselineState": state,
    }
