"""Bring the images of a plan into an export; what was fetched survives a run that breaks off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...schemas.errors import CxrcatError, UsageError
from ..progress import Progress
from ..sources import Found, Source, Transferred
from ..sources.cost import check, estimate
from .kept import Kept
from .plan import Plan, Request
from .transfer import transfer


def bring(
    plan: Plan, source: Source, request: Request, folder: Path, progress: Progress
) -> dict[str, Transferred]:
    """Bring the images into a new folder, and return each as it was received.

    Raises what `transfer` does, and `UsageError` when somebody would be billed who did not agree.
    """
    if source.remote:
        return _fetch(plan, source, request, folder, progress)
    folder.mkdir()
    brought: dict[str, Transferred] = {}

    def done(each: Transferred) -> None:
        brought[each.name] = each

    transfer(source, plan.found, folder, plan.mode, progress, done)
    return brought


def _fetch(
    plan: Plan, source: Source, request: Request, folder: Path, progress: Progress
) -> dict[str, Transferred]:
    kept = Kept(plan.destination)
    try:
        brought = kept.open(plan.found)
        rest = {name: each for name, each in plan.found.items() if name not in brought}
        agree(source, rest, request)

        def done(each: Transferred) -> None:
            brought[each.name] = each
            kept.add(each)

        transfer(source, rest, kept.images, plan.mode, progress, done)
    except CxrcatError as error:
        here = kept.close()
        if not here:
            kept.remove()
            raise
        raise type(error)(
            f"{error}; {here:,} of {len(plan.found):,} images are here, and the same command "
            "goes on from there"
        ) from error
    except BaseException:
        if not kept.close():
            kept.remove()
        raise
    kept.hand_over(folder)
    return brought


def agree(source: Source, rest: Mapping[str, Found], request: Request) -> None:
    """Ask before a transfer that is billed, and keep to the caps; see `bring`."""
    if not rest:
        return
    limits = request.access.limits
    spec = source.spec
    wanted = estimate(
        source.place,
        rest.values(),
        spec.prices if spec and source.paid_by else None,
        limits,
        source.paid_by or "nobody",
    )
    if limits.max_bytes is not None or source.paid_by:
        check(wanted, limits)
    if source.paid_by and (request.agree is None or not request.agree(wanted)):
        raise UsageError(f"{wanted.words()}: not agreed to, so nothing was fetched")
