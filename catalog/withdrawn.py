"""Whether a version of a subset may still be exported."""

from __future__ import annotations

from sqlmodel import Session, select

from ..schemas.errors import UsageError
from ..schemas.tables import Subset, Withdrawal
from .bitmaps import load

_NAMED = 3  # reasons that an error names


def check_withdrawn(session: Session, subset: Subset) -> None:
    """Raise `UsageError` when a version holds images that were withdrawn since it was made."""
    gone = withdrawn_since(session, subset)
    if gone:
        reasons = "; ".join(sorted({row.reason for row in gone})[:_NAMED])
        raise UsageError(
            f"{len(gone):,} images of {subset.name}@{subset.version} were withdrawn since "
            f"({reasons}); export {subset.name}, its newest version, or all with --allow-withdrawn"
        )


def withdrawn_since(session: Session, subset: Subset) -> list[Withdrawal]:
    """Return the withdrawals of images that a version holds."""
    query = select(Withdrawal).where(Withdrawal.dataset_id == subset.dataset_id)
    rows = session.exec(query).all()
    members = load(subset.members) if rows else ()
    return [row for row in rows if row.ordinal in members]
