"""The append-only log of the catalog: every entry carries the digest of the one before it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import xxhash
from sqlmodel import Session, col, select

from ..schemas.tables import Event

ORIGIN = "0" * 32
"""What the first entry carries in place of a digest before it."""


def record(session: Session, by: str, kind: str, subject: str, **detail: Any) -> Event:
    """Append an entry, inside the session's writing transaction."""
    last = session.exec(select(Event).order_by(col(Event.id).desc()).limit(1)).first()
    event = Event(
        id=last.id + 1 if last else 1,
        at=datetime.now(UTC),
        by=by,
        kind=kind,
        subject=subject,
        detail=detail,
        previous=last.digest if last else ORIGIN,
        digest="",
    )
    event.digest = digest_of(event)
    session.add(event)
    session.flush()
    return event


def digest_of(event: Event) -> str:
    """Return the XXH3-128 of an entry's canonical JSON, all but its own digest."""
    content = event.model_dump(mode="json", exclude={"digest"}, warnings=False)
    content["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return xxhash.xxh3_128_hexdigest(text.encode())


def first_broken(session: Session, batch: int = 1000) -> int | None:
    """Return the number of the first entry that is not as it was written, None if all are.

    Its digest, or its link to the one before, is wrong, or it cannot be read at all.
    """
    last, previous = 0, ORIGIN
    try:
        with closing(session.exec(select(Event).order_by(col(Event.id))).yield_per(batch)) as rows:
            for event in rows:
                if event.previous != previous or event.digest != digest_of(event):
                    return event.id
                last, previous = event.id, event.digest
    except (TypeError, ValueError):  # somewhere in the batch: once more, one by one
        if batch > 1:
            return first_broken(session, 1)
        after = select(Event.id).where(col(Event.id) > last).order_by(col(Event.id))
        return session.exec(after).first()
    return None


def count(session: Session) -> int:
    """Return how many entries there are."""
    return session.exec(select(sa.func.count()).select_from(Event)).one()
