"""The state of a catalog: where it is, what is in it, what is missing or damaged."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sqlmodel import Session, func, select

from ..schemas.tables import Export, Subset, Use
from . import datasets, events, exports, integrity
from .intake import Waiting
from .store import Store

_EXTRAS = {
    "distributed": "cluster",
    "imagehash": "identify",
    "matplotlib": "plot",
    "prov": "prov",
    "psycopg": "postgresql",
    "pypdf": "pdf",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What a check of the catalog found; `size` in bytes, None for a server's database."""

    cxrcat: str
    python: str
    catalog: str
    database: str
    size: int | None
    datasets: tuple[str, ...]
    subsets: int
    exports: int
    uses: int
    events: int
    waiting: tuple[str, ...]
    absent: tuple[str, ...]
    problems: tuple[str, ...]


def check(store: Store, host: str, waiting: Sequence[Waiting] = ()) -> Health:
    """Look at the whole catalog: its database, its log, and the exports of this host.

    `waiting` has the uses in the spool: those that are meant for this catalog are a problem.
    """
    with store.reading() as session:
        dialect = session.connection().dialect
        server = ".".join(map(str, dialect.server_version_info or ()))
        return Health(
            cxrcat=version("cxrcat"),
            python=platform.python_version(),
            catalog=store.name,
            database=f"{dialect.name} {server}",
            size=store.path.stat().st_size if store.path else None,
            datasets=tuple(
                f"{each.slug}@{each.version}: {each.images:,} images of {each.patients:,} patients"
                for each in datasets.listing(session)
            ),
            subsets=session.exec(select(func.count()).select_from(Subset)).one(),
            exports=session.exec(select(func.count()).select_from(Export)).one(),
            uses=session.exec(select(func.count()).select_from(Use)).one(),
            events=events.count(session),
            waiting=tuple(each.reason for each in waiting if not each.here),
            absent=tuple(
                f"{module} (pip install 'cxrcat[{extra}]')"
                for module, extra in _EXTRAS.items()
                if find_spec(module) is None
            ),
            problems=(
                *_problems(session, host),
                *(each.reason for each in waiting if each.here),
            ),
        )


def _problems(session: Session, host: str) -> list[str]:
    problems = list(integrity.problems(session))
    for row in session.exec(select(Export).where(Export.host == host)):
        here = Path(row.destination).is_dir()
        if row.state == exports.PUBLISHED and not here:
            problems.append(f"the export {row.id} is no longer at {row.destination}")
    return problems
