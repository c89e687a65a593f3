"""``cxrcat catalog``: move a whole catalog, back it up, and share it."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import (
    Json,
    examples,
    open_catalog,
    print_json,
    print_table,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.moving import Copied

app = typer.Typer(
    help="Move, back up and share whole catalogs; 'cxrcat doctor' checks one.",
    no_args_is_help=True,
    epilog=examples("cxrcat catalog backup catalog-2026-01-31.sqlite"),
)


class RoleName(StrEnum):
    """The roles, as `catalog.rights.Role` has them; that module is slow to import."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    STEWARD = "steward"


@app.command(
    epilog=examples(
        "cxrcat catalog copy catalog.sqlite postgresql://ada@db.example.org/lab",
        "cxrcat catalog copy postgresql://ada@db.example.org/lab laptop.sqlite",
    )
)
def copy(
    origin: Annotated[str, typer.Argument(metavar="FROM", help="The catalog: a file or a URL.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="A file that is not there, or an empty database.")
    ],
    json: Json = False,
) -> None:
    """Copy a whole catalog, also from SQLite to PostgreSQL and back, and compare the two.

    The copy is there whole, or not at all. The table shows a digest of each table's rows, which
    is the same in either database.
    """
    from ..catalog import Catalog

    _print(Catalog.copy(origin, target, progress()), json)


@app.command(epilog=examples("cxrcat catalog backup catalog-2026-01-31.sqlite"))
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new SQLite file.")],
    json: Json = False,
) -> None:
    """Copy the catalog as it is at this moment into a file, while others go on writing.

    The file is a catalog itself: use it with --catalog FILE, or copy it back to a server.
    """
    with open_catalog(context) as catalog:
        _print(catalog.backup(file, progress()), json)


@app.command(
    epilog=examples(
        "cxrcat catalog grant --role contributor ada",
        "cxrcat catalog grant --role reader 'student' --apply",
    )
)
def grant(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="A user (role) of the PostgreSQL server.")],
    role: Annotated[
        RoleName, typer.Option(help="What the user is to the catalog; see docs/sharing.md.")
    ],
    apply: Annotated[
        bool, typer.Option("--apply", help="Run the SQL instead of printing it.")
    ] = False,
    json: Json = False,
) -> None:
    """Print the SQL that gives a user a role in a catalog on PostgreSQL, or run it.

    A reader reads. A contributor also exports and creates subsets, label sets, projects, uses and
    records of where images are. A steward also withdraws, brings in datasets and gives roles.
    Nobody changes or deletes history. The role takes the place of the one that the user had.
    """
    from ..catalog.rights import Role

    with open_catalog(context) as catalog:
        done = catalog.grant(user, Role(role.value), apply)
    for remark in done.remarks:
        say(f"note: {printable(remark)}")
    if json:
        print_json(asdict(done))
    elif apply:
        say(f"{printable(done.user)} is a {done.role} of {printable(done.catalog)} now")
    else:
        typer.echo("BEGIN;")
        for statement in done.statements:
            typer.echo(f"{statement};")
        typer.echo("COMMIT;")


def _print(done: Copied, json: bool) -> None:
    if json:
        print_json(asdict(done))
        return
    print_table(
        ("table", "digest", "rows"),
        [(each.table, each.digest, each.rows) for each in done.tables],
        numbers=1,
    )
    say(
        f"{printable(done.target)}: holds all of {printable(done.origin)}; every table was "
        f"compared, and the log of {done.events:,} events holds"
    )
