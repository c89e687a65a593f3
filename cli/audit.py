"""``cxrcat audit``: what of the datasets is in projects, and whether what they owe is there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, open_catalog, printable, progress, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..catalog.audit import AuditReport, ProjectReport

EPILOG = examples(
    "cxrcat audit ~/projects",
    "cxrcat audit . --explain",
    "cxrcat audit . --format sarif --output audit.sarif",
    "cxrcat audit ~/projects --write-baseline known.json",
    "cxrcat audit ~/projects --baseline known.json --fail-on warning",
    "cxrcat audit . --fix",
)


class Form(StrEnum):
    """The forms of the results."""

    table = "table"
    json = "json"
    sarif = "sarif"
    github = "github"
    junit = "junit"
    html = "html"


class FailOn(StrEnum):
    """From which severity on a problem makes the exit code 1."""

    error = "error"
    warning = "warning"
    note = "note"
    never = "never"


def audit(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Projects, or folders with projects.")
    ],
    form: Annotated[Form, typer.Option("--format", help="The form of the results.")] = Form.table,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results there.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 from this severity on.")
    ] = FailOn.error,
    rule: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Ask this rule alone; may be repeated.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tell only of problems that are not in it.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all problems down as known.")
    ] = None,
    respect_gitignore: Annotated[
        bool, typer.Option("--respect-gitignore", help="Leave out what Git ignores.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Read the images of exports again, and large archives too."),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Write the papers that are missing: ATTRIBUTION.md, CITATION.cff, README."
        ),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the words that name data and meet duties.")
    ] = False,
    no_record: Annotated[
        bool, typer.Option("--no-record", help="Do not record the audit in the catalog.")
    ] = False,
    json: Json = False,
) -> None:
    """Find data, references and attribution in project trees, and say what is missing.

    A project is a folder with a README, a repository, a build file or an export. Nothing in it is
    changed unless --fix is given, and no link is followed.
    """
    from ..catalog.audit import Severity, Wanted
    from ..catalog.audit.results import ResultFormat, render
    from ..catalog.audit.survey import Survey
    from ..schemas.errors import UsageError

    if json and form not in (Form.table, Form.json):
        raise UsageError(f"--json and --format {form} exclude one another; choose one")
    form = Form.json if json else form
    wanted = Wanted(
        tuple(map(str, paths)),
        full=full,
        respect_gitignore=respect_gitignore,
        only=frozenset(rule or ()),
        baseline=None if baseline is None else str(baseline),
        record=not no_record,
    )
    with ExitStack() as ends:
        # Other processes look at the trees while this one opens the catalog.
        survey = None if fix else ends.enter_context(Survey(wanted))
        catalog = ends.enter_context(open_catalog(context))
        if fix:
            found = catalog.audit(replace(wanted, record=False), progress())
            for path in catalog.fix(found):
                say(f"written: {printable(str(path))}")
        report = catalog.audit(wanted, progress(), survey)
    if write_baseline is not None:
        from ..catalog.audit import baseline as known

        _write(write_baseline, known.write(report))
    if form is Form.table:
        text = "".join(f"{line}\n" for line in _table(report, explain))
    else:
        text = render(ResultFormat(form.value), report)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
    if form is Form.table:
        _say_left_out(report, explain)
    if fail_on is not FailOn.never and write_baseline is None:
        worst = Severity(fail_on.value).rank
        if any(report.count(each) for each in Severity if each.rank <= worst):
            raise typer.Exit(1)


def _write(path: Path, text: str) -> None:
    from ..catalog import whole

    whole.write(path, text.encode())


def _table(report: AuditReport, explain: bool) -> Iterator[str]:
    for project in report.projects:
        if not _is_quiet(project) or (explain and project.facts.unread):
            yield from _project(project, explain)


def _is_quiet(project: ProjectReport) -> bool:
    return not (project.facts.concerned or project.problems)


def _say_left_out(report: AuditReport, explain: bool) -> None:
    quiet = sum(map(_is_quiet, report.projects))
    if quiet:
        say(f"without anything of a known dataset: {quiet:,} of {len(report.projects):,} projects")
    unread = sum(len(each.facts.unread) for each in report.projects)
    if unread and not explain:
        say(f"not read: {unread:,} files and folders; --explain says which and why")


def _project(project: ProjectReport, explain: bool) -> Iterator[str]:
    facts = project.facts
    yield f"{printable(project.name)}  {printable(project.root)}"
    if project.duties:
        yield f"  duties met: {len(project.met)} of {len(project.duties)}"
    for export in facts.exports:
        yield f"  export {printable(export.subset or '?')} in {printable(export.folder or '.')}"
    for images in facts.images:
        yield f"  {images.count:,} images of {images.dataset} in {printable(images.path or '.')}"
    for problem in project.problems:
        line = f":{problem.line}" if problem.line else ""
        place = printable(problem.path or ".")
        yield f"  {problem.severity}: {problem.rule}: {place}{line}: {printable(problem.message)}"
        yield f"    {printable(problem.mend)}"
    if project.known:
        yield f"  {len(project.known):,} problems were known before"
    if explain:
        for each in (*facts.references, *facts.evidence):
            place = f"{printable(each.path)}:{each.line}"
            yield f"  {each.of} ({each.what}) by {place}: {printable(each.words)}"
        for path, why in facts.unread:
            yield f"  not read: {printable(path)}: {printable(why)}"
