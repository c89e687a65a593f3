"""What a slice owes: duties and citations, gathered from everything that it really used.

This is the one function by which the product knows its duties; papers, citations and audits all
start from its answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..schemas.descriptor import Descriptor
from ..schemas.errors import InputError
from ..schemas.manifest import OwedDuty
from ..schemas.terms import Citation


@dataclass(frozen=True, slots=True)
class Used:
    """A part of a dataset that a slice used: its kind, its name, and what shows the use."""

    kind: str
    name: str
    because: str


@dataclass(frozen=True, slots=True)
class Owed:
    """The duties of a slice in the descriptor's order, and the works they cite."""

    duties: tuple[OwedDuty, ...]
    citations: tuple[Citation, ...]


def gather(descriptor: Descriptor, used: Iterable[Used] = ()) -> Owed:
    """Return what a slice of the dataset owes when it used the given parts of it.

    `Used.kind` is ``labels``, ``boxes``, ``split`` or ``source``; what the dataset itself owes is
    always owed. Raises `InputError` when a part, a duty or a citation is not in the descriptor: a
    slice never leaves with less than it owes.
    """
    parts: dict[tuple[str, str], list[str]] = {
        **{("labels", labels.slug): labels.owes for labels in descriptor.label_sets},
        **{("boxes", boxes.slug): boxes.owes for boxes in descriptor.boxes},
        **{("split", split.slug): split.owes for split in descriptor.splits},
        **{("source", source.slug): source.owes for source in descriptor.sources},
    }
    because: dict[str, list[str]] = {}
    for duty in descriptor.owes:
        because.setdefault(duty, []).append(f"the slice is cut from {descriptor.short_title}")
    for part in used:
        if (part.kind, part.name) not in parts:
            raise InputError(
                f"{descriptor.slug}: {part.kind} {part.name!r} is used and is not in the "
                "descriptor, so its duties are unknown; add it there"
            )
        for duty in parts[part.kind, part.name]:
            reasons = because.setdefault(duty, [])
            if part.because not in reasons:
                reasons.append(part.because)
    known = {duty.id: duty for duty in descriptor.duties}
    works = {citation.id: citation for citation in descriptor.citations}
    for name in because:
        if name not in known:
            raise InputError(f"{descriptor.slug}: the duty {name!r} is owed and is not described")
        citation = known[name].citation
        if citation is not None and citation not in works:
            raise InputError(f"{descriptor.slug}: the citation {citation!r} is owed and is missing")
    duties = tuple(
        OwedDuty(**duty.model_dump(), because=because[duty.id])
        for duty in descriptor.duties
        if duty.id in because
    )
    cited = {duty.citation for duty in duties}
    return Owed(duties, tuple(each for each in descriptor.citations if each.id in cited))
