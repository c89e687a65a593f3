"""A report for people, in one HTML file that needs nothing else: no script, font or address."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from ...formats.html import page, table
from ..known import unpack
from ..model import AuditReport, Facts, Problem, ProjectReport, Severity, Words


def write(report: AuditReport) -> str:
    """Return the page."""
    return page("Audit", "".join(_body(report)))


def _body(report: AuditReport) -> Iterator[str]:
    concerned = [each for each in report.projects if each.facts.concerned or each.problems]
    yield (
        f"<p>{len(report.projects):,} projects, audited {escape(report.at)} by "
        f"{escape(report.by)}; {len(concerned):,} have to do with a known dataset.</p>\n"
    )
    yield table(
        ("project", "errors", "warnings", "notes", "duties met", "exports", "images"),
        [_row(each) for each in concerned],
        numbers=range(1, 7),
    )
    for number, each in enumerate(concerned):
        yield f'<section id="p{number}">\n<h2>{escape(each.name)}</h2>\n'
        yield f"<p><code>{escape(each.root)}</code></p>\n"
        yield from _project(each)
        yield "</section>\n"
    broken = {problem.rule for each in concerned for problem in each.problems}
    rules = [rule for rule in report.rules if rule.id in broken]
    if rules:
        yield "<section>\n<h2>Rules</h2>\n<dl>\n"
        for rule in rules:
            yield (
                f'<dt id="{escape(rule.id)}"><code>{escape(rule.id)}</code> '
                f"{escape(rule.title)}</dt><dd>{escape(rule.why)} {escape(rule.mend)}</dd>\n"
            )
        yield "</dl>\n</section>\n"


def _row(each: ProjectReport) -> tuple[str, ...]:
    counts = [
        sum(problem.severity is severity for problem in each.problems) for severity in Severity
    ]
    images = sum(found.count for found in each.facts.images)
    return (
        escape(each.name),
        *(f"{number:,}" for number in counts),
        f"{len(each.met)} of {len(each.duties)}",
        f"{len(each.facts.exports):,}",
        f"{images:,}",
    )


def _project(each: ProjectReport) -> Iterator[str]:
    problems = [_problem(problem) for problem in each.problems]
    yield table(("", "rule", "where", "what, and what to do"), problems)
    if not problems:
        yield '<p class="ok">No problems.</p>\n'
    if each.known:
        yield f"<p>{len(each.known):,} problems that were known before are left out.</p>\n"
    yield _exports(each.facts)
    words = [_words(one) for one in each.facts.evidence]
    yield table(("duty", "where", "the words that meet it"), words)
    named = [_words(one) for one in each.facts.references]
    yield table(("dataset", "where", "the words that name it"), named)


def _problem(problem: Problem) -> tuple[str, ...]:
    severity = problem.severity.value
    return (
        f'<span class="{severity}">{severity}</span>',
        f'<a href="#{escape(problem.rule)}"><code>{escape(problem.rule)}</code></a>',
        _place(problem.path, problem.line),
        f"{escape(problem.message)}<br>{escape(problem.mend)}",
    )


def _exports(facts: Facts) -> str:
    rows = [
        (
            f"<code>{escape(each.folder or '.')}</code>",
            escape(each.subset),
            escape(each.dataset),
            f"{len(unpack(each.members)):,}" if each.members else "",
            escape(", ".join(each.duties)),
        )
        for each in facts.exports
    ]
    rows += [
        (
            f"<code>{escape(each.path or '.')}</code>",
            "images without an export",
            escape(each.dataset),
            f"{each.count:,}",
            "",
        )
        for each in facts.images
    ]
    return table(("folder", "subset", "dataset", "images", "duties"), rows, numbers=range(3, 4))


def _words(one: Words) -> tuple[str, ...]:
    return (
        escape(one.of),
        _place(one.path, one.line),
        f"<blockquote>{escape(one.words)}</blockquote>",
    )


def _place(path: str, line: int | None) -> str:
    shown = escape(str(Path(path)) if path else ".")
    return f"<code>{shown}{f':{line}' if line else ''}</code>"
