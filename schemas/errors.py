"""The one root of every error that a user may meet, and the exit code each class ends with."""

from __future__ import annotations


class CxrcatError(Exception):
    """Anything a user can mend; its text is one line: what is wrong, where, and what to do."""

    exit_code = 2


class UsageError(CxrcatError):
    """A request that cannot be served as it was asked (exit code 2)."""


class InputError(CxrcatError):
    """A file or text that was given is wrong: descriptor, table, query, manifest (exit code 2)."""


class NotFoundError(UsageError):
    """A name that the catalog does not know (exit code 2)."""


class CheckFailedError(CxrcatError):
    """A check ran to its end and found something (exit code 1)."""

    exit_code = 1


class SourceError(CxrcatError):
    """A source or service failed: network, permission, billing, disk (exit code 3)."""

    exit_code = 3


class CatalogError(SourceError):
    """The catalog itself cannot be opened, read or written (exit code 3)."""
