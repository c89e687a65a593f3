"""Read the log of events: its entries, the newest first, and whether its chain is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from ..schemas.errors import CatalogError, UsageError
from ..schemas.tables import Event
from . import events

_HEAD = re.compile(r"(?P<number>0|[1-9][0-9]{0,17}):(?P<digest>[0-9a-f]{32})")
_MOST = (1 << 63) - 1  # that a database counts to


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are asked for: the newest `limit`, of a kind, since a moment.

    `kind` is one such as ``export.published``, or what stands before the dot. `since` is a date, or
    a date and a time, in UTC where it names no other zone.
    """

    limit: int | None = None
    kind: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log; `digest` and `previous` are XXH3-128 in hexadecimal."""

    number: int
    at: str
    by: str
    kind: str
    subject: str
    detail: dict[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries that were asked for, the newest first, and how many there are besides."""

    entries: tuple[Entry, ...]
    older: int


@dataclass(frozen=True, slots=True)
class Head:
    """The number and the digest of the last entry, written ``NUMBER:DIGEST``; 0 without any."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read a head as it was printed; raise `UsageError` for anything else."""
        match = _HEAD.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text[:80]!r} is no head of the log; write NUMBER:DIGEST, as "
                "'cxrcat log --verify' prints it"
            )
        return cls(int(match["number"]), match["digest"])


@dataclass(frozen=True, slots=True)
class Chain:
    """What a check of the log found.

    `broken` is the first entry that is not as it was written, or does not follow the one before.
    `kept` tells whether a head of earlier is still on the chain; None when none was given.
    """

    head: Head
    broken: int | None
    kept: bool | None

    @property
    def ok(self) -> bool:
        """Whether the log is whole as far as can be told."""
        return self.broken is None and self.kept is not False


def entries(session: Session, wanted: Filter) -> Entries:
    """Return entries of the log.

    Raises `UsageError` for a `since` that is no date, and `CatalogError` for an entry that is none.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.kind is not None:
        kind = col(Event.kind)
        conditions.append(
            (kind == wanted.kind) | kind.startswith(f"{wanted.kind}.", autoescape=True)
        )
    if wanted.since is not None:
        conditions.append(col(Event.at) >= _moment(wanted.since))
    query = select(Event).where(*conditions).order_by(col(Event.id).desc())
    if wanted.limit is not None:
        query = query.limit(min(wanted.limit, _MOST))
    try:
        found = tuple(_entry(event) for event in session.exec(query).yield_per(1000))
    except UnicodeEncodeError:  # of the kind that was asked for
        raise
    except (TypeError, ValueError) as error:
        raise CatalogError(
            "the log holds an entry that cannot be read; 'cxrcat log --verify' names it"
        ) from error
    every = session.exec(select(func.count()).select_from(Event).where(*conditions)).one()
    return Entries(found, every - len(found))


def check(session: Session, earlier: Head | None = None) -> Chain:
    """Read the whole log and compare every entry with its digest and with the one before.

    `earlier` is a head that somebody kept: a log whose end was cut off, or that was written anew
    with digests that fit, does not have it any more.
    """
    last = session.exec(select(Event.id, Event.digest).order_by(col(Event.id).desc())).first()
    head = Head(last[0], str(last[1])) if last is not None else Head(0, events.ORIGIN)
    broken = events.first_broken(session)
    kept = None
    if earlier is not None:
        query = select(Event.digest).where(Event.id == earlier.number)
        there = events.ORIGIN if earlier.number == 0 else session.exec(query).first()
        kept = there == earlier.digest
    return Chain(head, broken, kept)


def _entry(event: Event) -> Entry:
    event = Event.model_validate(
        event.model_dump(warnings=False)
    )  # SQLite keeps whatever it is given
    return Entry(
        number=event.id,
        at=event.at.isoformat(timespec="seconds"),
        by=event.by,
        kind=event.kind,
        subject=event.subject,
        detail=event.detail,
        previous=event.previous,
        digest=event.digest,
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        today = datetime.now(UTC).date().isoformat()
        raise UsageError(
            f"{text[:80]!r} is no date; write it as {today}, or with a time as {today}T09:30"
        ) from error
