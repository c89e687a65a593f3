"""JUnit's XML, which CI servers show as tests: a suite a project, a case a rule."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ..model import AuditReport, ProjectReport, Rule

# What XML 1.0 cannot hold: https://www.w3.org/TR/xml/#charsets
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: AuditReport) -> str:
    """Return the XML document."""
    root = ElementTree.Element("testsuites", name="cxrcat audit")
    for project in report.projects:
        root.append(_suite(project, report.rules))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(project: ProjectReport, rules: tuple[Rule, ...]) -> ElementTree.Element:
    broken = {problem.rule for problem in project.problems}
    suite = ElementTree.Element(
        "testsuite",
        name=_text(project.name),
        tests=str(len(rules)),
        failures=str(len(broken)),
        errors="0",
    )
    for rule in rules:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_text(f"cxrcat.{project.name}"), name=rule.id
        )
        for problem in project.problems:
            if problem.rule == rule.id:
                place = problem.path + (f":{problem.line}" if problem.line else "")
                failure = ElementTree.SubElement(
                    case, "failure", type=problem.severity.value, message=_text(problem.message)
                )
                failure.text = _text(f"{place or '.'}: {problem.message}\n{problem.mend}")
    return suite


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
