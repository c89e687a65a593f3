"""What every command shares: its options, the catalog it opens, and how it writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..catalog import Catalog
    from ..catalog.progress import Progress

DEBUG_VARIABLE = "CXRCAT_DEBUG"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

BillingProject = Annotated[
    str | None,
    typer.Option(
        metavar="PROJECT",
        envvar="CXRCAT_BILLING_PROJECT",
        help="Your Google Cloud project, which is billed where the owner lets requesters pay.",
    ),
]

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Let a Dask cluster read the files: tls://HOST:PORT, or tcp:// on this machine.",
    ),
]


@dataclass(frozen=True, slots=True)
class Options:
    """The options that stand before the command."""

    catalog: str | None


def examples(*commands: str) -> str:
    """Return the text that closes a command's help."""
    return "Examples:\n\n" + "\n\n".join(f"$ {command}" for command in commands)


def open_catalog(context: typer.Context) -> Catalog:
    """Open the catalog that was asked for, showing progress while it is made for the first time."""
    from ..catalog import Catalog

    _hear_warnings()
    options: Options = context.obj
    return Catalog.open(options.catalog, progress())


def _hear_warnings() -> None:
    """Say on standard error what the catalog warns of."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(f"cxrcat: warning: {printable(record.getMessage())}")

    logger = logging.getLogger("cxrcat")
    logger.propagate = False
    logger.handlers = [Said(logging.WARNING)]


def progress() -> Progress:
    """Return bars on a terminal, and silence elsewhere."""
    if sys.stderr.isatty():
        from .bars import Bars

        return Bars()
    from ..catalog.progress import SILENT

    return SILENT


def say(text: str = "") -> None:
    """Tell the user something that is not the command's data, on standard error."""
    typer.echo(text, err=True)


def confirm(fact: str, question: str, yes: bool) -> bool:
    """Say a fact, and ask on a terminal; elsewhere only `yes` means yes."""
    from ..schemas.errors import UsageError

    if yes:
        say(fact)
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{fact}; agree to it with --yes")
    return typer.confirm(f"{fact}. {question}", err=True)


def printable(text: str) -> str:
    """Return a text in which nothing but letters, digits, signs and spaces reaches a terminal.

    The name of a file can hold a line break, a control sequence or bytes that are no text.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def can_print(text: str) -> bool:
    """Tell whether standard output has the letters of a text."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def print_json(data: Any) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values, a line each; what is None is left out."""
    known = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        typer.echo(f"{name:<{width}}  {value}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> None:
    """Print rows under a header; the last `numbers` columns are flush right.

    On a terminal it is drawn in colours; elsewhere it is plain text without a frame.
    """
    texts = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from .tables import draw

        draw(columns, texts, numbers)
        return
    first_number = len(columns) - numbers
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for row in (list(columns), *texts):
        cells = [
            f"{cell:>{width}}" if place >= first_number else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
