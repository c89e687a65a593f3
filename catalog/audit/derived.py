"""The datasets that were made from the built-in ones, as their files list them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets import BUILT_IN

if TYPE_CHECKING:
    from ...schemas.recognise import Derived


def built_in() -> list[Derived]:
    """Return what was made from the datasets that ship with the package."""
    return [each for path in sorted(BUILT_IN.glob("*/derived.yaml")) for each in read_derived(path)]


def read_derived(path: Path) -> list[Derived]:
    """Return the derived datasets of a file; raise `InputError` when it is wrong."""
    from ...schemas.recognise import DerivedDatasets
    from ...schemas.yaml_reader import read_model

    return list(read_model(path, DerivedDatasets).datasets)
