"""Subsets of subsets: combinations, lists and splits, asked for in the words of a request."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.errors import InputError, UsageError
from ..schemas.tables import Dataset, Image
from . import selection
from .checksums import names_checksum
from .create import Ask
from .lots import By
from .metadata import read_names

_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}(@[0-9]{1,9})?")
_NAMED = 3  # wrong lines that an error names


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a subset is to be made.

    At most one of `parent` (a subset), `union`, `intersect` and `minus` (two subsets each) and
    `listed` (a file of image names) says where the images come from; without any it is the whole
    dataset. `where` narrows them, then one image a patient is kept (`one_per_patient`), then a
    sample of `sample` images or patients is drawn. `seed` decides whatever goes by lot.
    """

    where: str | None = None
    parent: str | None = None
    union: tuple[str, str] | None = None
    intersect: tuple[str, str] | None = None
    minus: tuple[str, str] | None = None
    listed: Path | None = None
    one_per_patient: selection.Which | None = None
    sample: int | None = None
    by: By = "image"
    seed: int = 0


def of_one_dataset(
    wanted: Sequence[Derivation], dataset: str | None
) -> tuple[str | None, list[Derivation]]:
    """Return the dataset that all are of, and the derivations with subsets named without it.

    Subsets may be named ``DATASET/NAME``; `dataset` is the one of those that are not. Raises
    `UsageError` when there are several.
    """
    owners: dict[str, None] = {} if dataset is None else {dataset: None}

    def bare(name: str | None) -> str | None:
        owner, slash, rest = (name or "").rpartition("/")
        if not slash:
            return name
        owners[owner] = None
        return rest

    def both(names: tuple[str, str] | None) -> tuple[str, str] | None:
        return names and (str(bare(names[0])), str(bare(names[1])))

    own = [
        replace(
            each,
            parent=bare(each.parent),
            union=both(each.union),
            intersect=both(each.intersect),
            minus=both(each.minus),
        )
        for each in wanted
    ]
    if len(owners) > 1:
        raise UsageError(
            f"a subset is of one dataset, and these are of {' and '.join(owners)}; "
            "compare them with 'cxrcat subset diff'"
        )
    return next(iter(owners), None), own


def ask_of(
    session: Session, dataset: Dataset, name: str, wanted: Derivation, note: str | None = None
) -> Ask:
    """Return the question and the steps that a derivation stands for.

    Raises `UsageError` for a combination that means nothing, and `InputError`, naming the lines,
    for a list with names that are not in the dataset.
    """
    operation, question = _question(wanted)
    steps: list[selection.Step] = []
    members = None
    if wanted.listed is not None:
        if question != "true" or wanted.one_per_patient or wanted.sample is not None:
            raise UsageError(
                "--from-list stands alone; record the list first, then derive with --from"
            )
        listed, members = _read_list(session, dataset, wanted.listed)
        operation, steps = "list", [listed]
    if wanted.one_per_patient is not None:
        seed = wanted.seed if wanted.one_per_patient == "random" else 0
        steps.append(selection.OnePerPatient(wanted.one_per_patient, seed))
    if wanted.sample is not None:
        if wanted.sample < 1:
            raise UsageError("--sample needs a number of at least 1")
        steps.append(selection.Sample(wanted.sample, wanted.by, wanted.seed))
    return Ask(name, question, operation, tuple(steps), members, note)


def _question(wanted: Derivation) -> tuple[str, str]:
    """Return the word for the operation, and the question in the where-language."""
    bases = {
        "union": wanted.union and " or ".join(map(_member, wanted.union)),
        "intersect": wanted.intersect and " and ".join(map(_member, wanted.intersect)),
        "minus": wanted.minus and " and not ".join(map(_member, wanted.minus)),
        "from": wanted.parent and _member(wanted.parent),
    }
    given = [(word, text) for word, text in bases.items() if text]
    if len(given) > 1:
        words = " and ".join(f"--{word}" for word, _ in given)
        raise UsageError(f"{words} exclude one another; choose one, and narrow it with --where")
    if not given:
        plain = wanted.where is None and (wanted.one_per_patient or wanted.sample is not None)
        if wanted.where is None and not plain and wanted.listed is None:
            raise UsageError(
                "say what is in it: --where EXPR, --from NAME, --union, --intersect or --minus "
                "A B, --from-list FILE, --one-per-patient or --sample N"
            )
        return "where" if wanted.where is not None else "sample", wanted.where or "true"
    ((word, base),) = given
    if wanted.where is None:
        return word, base
    group = f"({base})" if word == "union" else base
    return word, f"{group} and ({wanted.where})"


def _member(name: str) -> str:
    if not _REFERENCE.fullmatch(name):
        raise UsageError(f"{name[:80]!r} names no subset; write NAME or NAME@VERSION")
    return f"in_subset('{name}')"


def _read_list(session: Session, dataset: Dataset, path: Path) -> tuple[selection.Listed, BitMap]:
    names = read_names(path)
    query = select(Image.name).where(Image.dataset_id == dataset.id).order_by(col(Image.ordinal))
    every = session.exec(query).all()
    members, wrong = BitMap(), []
    for line, name in names:
        ordinal = bisect_left(every, name)
        if ordinal == len(every) or every[ordinal] != name:
            wrong.append((line, name, "is not an image of the dataset"))
        elif ordinal in members:
            wrong.append((line, name, "is there twice"))
        else:
            members.add(ordinal)
    if wrong:
        raise InputError(f"{path}: {_report(wrong, len(names))}")
    checksum = names_checksum(every[ordinal] for ordinal in members)
    return selection.Listed(path.name, len(members), checksum), members


def _report(wrong: Sequence[tuple[int, str, str]], total: int) -> str:
    first = "; ".join(f"line {line}: {name[:60]!r} {why}" for line, name, why in wrong[:_NAMED])
    more = f"; and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
    return f"{len(wrong):,} of {total:,} lines are wrong, so nothing was recorded: {first}{more}"
