"""Label sets and splits that users bring along: read, checked, recorded, listed."""

from .add import Added, add
from .info import LabelSetInfo, listing, show

__all__ = ["Added", "LabelSetInfo", "add", "listing", "show"]
