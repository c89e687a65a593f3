"""Problems that are known already, kept in a file so that an audit tells of new ones alone."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import xxhash
from pydantic import BaseModel, ConfigDict, ValidationError

from ...schemas.errors import InputError
from .model import AuditReport, Problem

_LARGEST = 64 << 20  # bytes


class _Baseline(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: str = "cxrcat.baseline/1"
    known: list[str]


def fingerprint(project: str, problem: Problem) -> str:
    """Return what a problem is known by: its project, its rule and its key, whatever its words."""
    text = f"{project}\0{problem.rule}\0{problem.key}"
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogateescape"))


def names_of(report: AuditReport) -> dict[str, str]:
    """Return what each project is known by, by its folder as the report has it.

    That is its name, wherever it lies; of projects that share one, also the folders in which they
    differ.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for each in report.projects:
        alike[each.name].append(each.root)
    names = {}
    for name, roots in alike.items():
        above = os.path.commonpath(map(os.path.abspath, roots))
        for root in roots:
            names[root] = name if len(roots) == 1 else f"{name}\n{os.path.relpath(root, above)}"
    return names


def read(path: Path) -> frozenset[str]:
    """Return what a baseline's file knows; raise `InputError` when it is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: has more than {_LARGEST:,} bytes; is it a baseline?")
        found = _Baseline.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{path}: is no baseline; write one with 'cxrcat audit PATH --write-baseline FILE'"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return frozenset(found.known)


def apply(report: AuditReport, known: frozenset[str]) -> AuditReport:
    """Return the report with the problems that a baseline knows set apart."""
    projects = []
    names = names_of(report)
    for each in report.projects:
        name = names[each.root]
        old = tuple(one for one in each.problems if fingerprint(name, one) in known)
        new = tuple(one for one in each.problems if one not in old)
        projects.append(replace(each, problems=new, known=old))
    return replace(report, projects=tuple(projects))


def write(report: AuditReport) -> str:
    """Return a baseline's text: every problem of the report, those that were known included."""
    names = names_of(report)
    known = {
        fingerprint(names[each.root], problem)
        for each in report.projects
        for problem in (*each.problems, *each.known)
    }
    return json.dumps({"format": "cxrcat.baseline/1", "known": sorted(known)}, indent=1) + "\n"
