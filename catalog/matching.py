"""Tell which image of a dataset each row of attributes speaks of, where only attributes are said.

A DICOM store or a table of DICOM metadata may not say the names of the images that its instances
were made from. An instance is then identified by what it does say; what cannot be told for certain
is never guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..schemas.errors import InputError

if TYPE_CHECKING:
    from ..schemas.descriptor import Fact
    from .images import ImageRow

Row = TypeVar("Row", bound=Mapping[str, Any])
"""What a source says of an instance: the value of each DICOM keyword; others are passed on."""

_Key = tuple[Hashable, ...]

_NOT_COMPARED = ("name", "stem", "age")  # the ages of a patient differ between releases
_SEPARATOR = "|"


class Matches(NamedTuple, Generic[Row]):
    """The rows of a source: each with its image's name, or why it has none.

    `matched` are (row, name of the image); `ambiguous` rows fit several images, or several rows fit
    the image, or their source contradicts the dataset on the patient; `unknown` rows fit no image.
    All are in the order of the rows.
    """

    matched: list[tuple[Row, str]]
    ambiguous: list[Row]
    unknown: list[Row]


def match(
    rows: Iterable[Row],
    images: Iterable[Mapping[str, Any]],
    attributes: Mapping[str, Fact],
    spellings: Mapping[str, str] | None = None,
) -> Matches[Row]:
    """Return which image each row is.

    `images` say facts by their names (`facts_of` makes them of a catalog's rows), `attributes` maps
    the rows' keywords to facts, `spellings` maps each spelling of a finding, case-folded, to the
    word that `images` use (`Vocabulary.spellings`).

    A row that says a ``name`` or a ``stem`` is that image, unless another row says the same. Any
    other is an image when exactly one row and exactly one image of a patient have the same facts:
    patients without regard to leading zeros, findings as sets, ages not at all. Where a row of the
    patient fits none of the patient's images, the two releases differ there, and a row that does
    fit may be another image's: the patient's rows are then ambiguous, except those by name.

    Raises `InputError` when the attributes name neither the image nor the patient.
    """
    if not {"name", "stem", "patient"} & set(attributes.values()):
        raise InputError(
            "no attribute tells the image or the patient, so no instance can be identified; say "
            "in the descriptor's 'attributes' which one does"
        )
    reader = _Reader(attributes, spellings or {})
    every = list(rows)
    of_names, of_stems, of_keys = _index(images, reader)
    found: list[list[str]] = []  # the images that each row may be
    by_name: set[int] = set()
    disputed: set[Hashable] = set()
    taken: dict[str, int] = defaultdict(int)
    for place, row in enumerate(every):
        said = reader.name(row)
        if said is not None:
            by_name.add(place)
            name = of_names.get(said) or of_stems.get(said)
            found.append([name] if name else [])
        else:
            key = reader.key(reader.facts(row)) if "patient" in reader.compared else None
            found.append(of_keys.get(key, []) if key else [])
            if key and not found[-1]:
                disputed.add(key[0])
        for name in found[-1]:
            taken[name] += 1
    matches: Matches[Row] = Matches([], [], [])
    for place, (row, names) in enumerate(zip(every, found, strict=True)):
        if not names:
            matches.unknown.append(row)
        elif (
            len(names) > 1
            or taken[names[0]] > 1
            or (place not in by_name and reader.key(reader.facts(row))[0] in disputed)
        ):
            matches.ambiguous.append(row)
        else:
            matches.matched.append((row, names[0]))
    return matches


def alike(
    rows: Iterable[Row],
    images: Iterable[Mapping[str, Any]],
    attributes: Mapping[str, Fact],
    spellings: Mapping[str, str] | None = None,
) -> tuple[set[str], list[Row]]:
    """Return the names of the images that rows chosen by these attributes stand for.

    Serves where the rows are all those whose attributes fulfil a condition: it then does not matter
    which of several rows is which of as many images that say the same. The rows that are returned
    stand for no images: there are more or fewer images that say the same than rows.
    """
    reader = _Reader(attributes, spellings or {})
    _, _, of_keys = _index(images, reader)
    groups: dict[_Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[reader.key(reader.facts(row))].append(row)
    names: set[str] = set()
    others: list[Row] = []
    for key, group in groups.items():
        same = of_keys.get(key, [])
        if len(same) == len(group):
            names.update(same)
        else:
            others += group
    return names, others


def compared(attributes: Mapping[str, Fact]) -> list[Fact]:
    """Return the facts by which rows and images are compared, the patient's first."""
    facts = [fact for fact in dict.fromkeys(attributes.values()) if fact not in _NOT_COMPARED]
    return sorted(facts, key=lambda fact: fact != "patient")


def facts_of(images: Iterable[ImageRow]) -> Iterator[dict[str, Any]]:
    """Yield what a catalog knows of its images, as `match` wants it."""
    for each in images:
        yield {
            "name": each.name,
            "patient": each.patient,
            "follow_up": each.follow_up,
            "sex": each.sex,
            "view": each.view,
            "findings": each.findings,
        }


def _index(
    images: Iterable[Mapping[str, Any]], reader: _Reader
) -> tuple[dict[str, str], dict[str, str | None], dict[_Key, list[str]]]:
    """Return the images by name, by stem (None for one that two have), and by what is compared."""
    of_names: dict[str, str] = {}
    of_stems: dict[str, str | None] = {}
    of_keys: dict[_Key, list[str]] = defaultdict(list)
    for image in images:
        name = str(image["name"])
        of_names[name] = name
        stem = name.rsplit(".", 1)[0]
        of_stems[stem] = None if stem in of_stems else name
        of_keys[reader.key(image)].append(name)
    return of_names, of_stems, dict(of_keys)


class _Reader:
    """Brings what rows and images say into one form, in which equal facts are equal."""

    def __init__(self, attributes: Mapping[str, Fact], spellings: Mapping[str, str]) -> None:
        self.keywords: dict[str, list[str]] = {}
        for keyword, fact in attributes.items():
            self.keywords.setdefault(fact, []).append(keyword)
        self.compared = compared(attributes)
        self.spellings = spellings

    def name(self, row: Mapping[str, Any]) -> str | None:
        """Return the name or the stem of the image that a row says, None when it says none."""
        for fact in ("name", "stem"):
            text = _text(self.said(row, fact))
            if text:
                return text
        return None

    def facts(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts that a row's attributes say."""
        return {fact: self.said(row, fact) for fact in self.compared}

    def said(self, row: Mapping[str, Any], fact: str) -> Any:
        """Return the first of the attributes for a fact that says something."""
        values = (row.get(keyword) for keyword in self.keywords.get(fact, []))
        return next((each for each in values if each not in (None, "")), None)

    def key(self, facts: Mapping[str, Any]) -> _Key:
        """Return what is compared: all facts that the source says, the patient's first."""
        return tuple(
            self.findings(facts.get(fact)) if fact == "findings" else _plain(facts.get(fact))
            for fact in self.compared
        )

    def findings(self, said: Any) -> frozenset[str]:
        """Return the findings of a cell (``Mass|Nodule``), or of a list, as a set of words."""
        words = _text(said).split(_SEPARATOR) if said is None or isinstance(said, str) else said
        folded = (_text(word).casefold() for word in words)
        return frozenset(
            self.spellings.get(word, word.replace(" ", "_")) for word in folded if word
        )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _plain(value: Any) -> str:
    """Return a short value as text: a number without leading zeros, letters without their case."""
    text = _text(value)
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    return text.casefold()
