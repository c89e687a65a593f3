"""Audits: what of the datasets is in a project, and whether what it owes is there.

`gather` finds facts, `rules` judge them, `run` does both for every project.
"""

from .model import AuditReport, Problem, ProjectReport, Rule, Severity, Wanted

__all__ = ["AuditReport", "Problem", "ProjectReport", "Rule", "Severity", "Wanted"]
