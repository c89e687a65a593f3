"""The steward's report: who holds and uses what, and which duties are met, in one HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..audit.history import AuditInfo
from ..overview import Overview, ProjectOverview
from . import svg
from .html import page, table


def write(found: Overview) -> str:
    """Return the page."""
    return page("Who uses what", "".join(_body(found)))


def _body(found: Overview) -> Iterator[str]:
    yield (
        f"<p>The catalog <code>{escape(found.catalog)}</code>, {escape(found.at)}, as "
        f"{escape(found.by)} sees it.</p>\n"
    )
    yield _section("datasets", "Datasets")
    yield table(
        ("release", "title", "images", "patients", "label sets", "since"),
        [
            (
                f"<code>{escape(each.slug)}@{escape(each.version)}</code>",
                escape(each.title),
                f"{each.images:,}",
                f"{each.patients:,}",
                escape(", ".join(each.label_sets)),
                escape(each.ingested_at),
            )
            for each in found.datasets
        ],
        numbers=range(2, 4),
    )
    yield _section("projects", "Projects")
    yield (
        table(
            ("project", "title", "contact", "exports", "uses", "owes", "last audit"),
            [_project(each) for each in found.projects],
            numbers=range(3, 5),
        )
        or "<p>No project is on record.</p>\n"
    )
    yield _section("audits", "Audits")
    yield (
        table(
            ("folder", "at", "duties met", "errors", "warnings", "notes", "mended", "problems"),
            [_audit(each) for each in found.audits],
            numbers=range(3, 7),
        )
        or "<p>No audit is on record.</p>\n"
    )
    yield _section("uses", "Uses")
    yield (
        table(
            ("at", "project", "kind", "slice", "artefacts", "DOIs", "contact"),
            [
                (
                    escape(each.at),
                    escape(each.project),
                    escape(f"{each.kind}, {each.outcome}"),
                    f"<code>{escape(each.subset)}@{each.subset_version}</code>",
                    "<br>".join(f"<code>{escape(one.place)}</code>" for one in each.artifacts),
                    escape(", ".join(each.dois)),
                    escape(each.contact or ""),
                )
                for each in found.uses
            ],
        )
        or "<p>No use is on record.</p>\n"
    )
    yield _section("exports", "Exports")
    yield (
        table(
            ("at", "slice", "images", "project", "where", "state", "by"),
            [
                (
                    escape(each.at),
                    f"<code>{escape(each.subset)}@{each.subset_version}</code>",
                    f"{each.images:,}",
                    escape(each.project or ""),
                    f"<code>{escape(each.host)}:{escape(each.destination)}</code>",
                    escape(each.state),
                    escape(each.by),
                )
                for each in found.exports
            ],
            numbers=range(2, 3),
        )
        or "<p>No export is on record.</p>\n"
    )
    yield _section("subsets", "Subsets")
    yield (
        table(
            ("subset", "question", "images", "patients", "by", "at"),
            [
                (
                    f"<code>{escape(each.name)}@{each.version}</code>",
                    f"<code>{escape(each.query)}</code>",
                    f"{each.images:,}",
                    f"{each.patients:,}",
                    escape(each.by),
                    escape(each.created_at),
                )
                for each in found.subsets
            ],
            numbers=range(2, 4),
        )
        or "<p>Nobody has made a subset.</p>\n"
    )
    if found.lineages:
        yield _section("lineage", "Lineage")
        for each in found.lineages:
            yield f'<div style="overflow-x: auto">{svg.write(each)}</div>\n'


def _section(key: str, title: str) -> str:
    return f'<h2 id="{key}">{escape(title)}</h2>\n'


def _project(each: ProjectOverview) -> tuple[str, ...]:
    project, audit = each.project, each.audit
    return (
        f"<code>{escape(project.slug)}</code>",
        escape(project.title or ""),
        escape(project.contact or ""),
        f"{project.exports:,}",
        f"{project.uses:,}",
        escape(", ".join(duty.id for duty in each.duties)),
        "" if audit is None else f"{escape(audit.at)}: {audit.met} of {audit.duties} duties met",
    )


def _audit(each: AuditInfo) -> tuple[str, ...]:
    unmet = each.met < each.duties
    return (
        f"<code>{escape(each.host)}:{escape(each.root)}</code>",
        escape(each.at),
        f'<span class="{"error" if unmet else "ok"}">{each.met} of {each.duties}</span>',
        f"{each.errors:,}",
        f"{each.warnings:,}",
        f"{each.notes:,}",
        f"{len(each.mended):,}",
        "<br>".join(f"{escape(one.rule)}: {escape(one.message)}" for one in each.problems),
    )
