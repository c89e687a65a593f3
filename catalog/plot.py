"""The profile of a subset as a picture, with the words that its use owes below it.

matplotlib is an extra and imported here alone; it draws without a window. Equal manifests give
equal SVG files by one release of it.
"""

from __future__ import annotations

import io
import logging
import textwrap
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schemas.errors import SourceError, UsageError
from ..schemas.manifest import Profile, Provenance
from . import whole
from .formats.facts import clean
from .formats.wording import paragraph, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")

_WIDTH, _HEIGHT, _MARGIN = 13.0, 9.2, 0.25  # inches, the words above and below not counted
_LINE = 0.14  # inches that a line of the footer takes
_DPI = 130
_COLUMNS = {"question": 150, "footer": 250, "label": 26}  # letters a line
_QUESTION_LINES = 2
_UPRIGHT = 6  # letters of a name below a bar that stands upright
_MOST_FINDINGS = 24  # that are drawn: those with the most images
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#999999")  # told apart by all eyes
_QUIET = "#5f6b76"
_LOOK: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#b8c0c8",
    "axes.grid": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "font.family": ["DejaVu Sans"],  # which comes with matplotlib
    "font.size": 8.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "cxrcat",
    "text.parse_math": False,  # a label may have dollar signs
    "ytick.left": False,
}


def check(path: Path) -> None:
    """Raise `UsageError` when a picture cannot be written there, before anything is drawn.

    Raises `SourceError` when the disk does not say.
    """
    if path.suffix.casefold() not in SUFFIXES:
        raise UsageError(f"{path}: a picture's name ends in {' or '.join(SUFFIXES)}")
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; name a file")
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent}: there is no such folder")
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        import matplotlib as _  # noqa: F401 - a package that is found may still not load
    except ImportError as error:
        raise UsageError(
            f"{path}: to draw it, {error.name or 'matplotlib'!r} is needed and not installed; "
            "pip install 'cxrcat[plot]'"
        ) from error


def write(path: Path, manifest: Provenance) -> None:
    """Write the picture of a manifest's subset whole, in the format that the suffix names.

    A file of that name is replaced. Raises `UsageError` (see `check`), and `SourceError` when it
    cannot be written.
    """
    check(path)
    whole.write(path, draw(manifest, path.suffix.casefold().removeprefix(".")))


def draw(manifest: Provenance, format: str) -> bytes:  # noqa: A002 - as matplotlib calls it
    """Return the picture as ``svg`` or ``png``."""
    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of fonts that it looks for
    stream = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        facts = _svg_facts(manifest) if format == "svg" else _png_facts(manifest)
        _figure(manifest).savefig(stream, format=format, metadata=facts)
    return stream.getvalue()


def _svg_facts(manifest: Provenance) -> dict[str, Any]:
    facts = _png_facts(manifest)
    return {
        "Title": facts["Title"],
        "Creator": facts["Software"],
        "Publisher": clean(manifest.dataset.provider.name),
        "Rights": facts["Copyright"],
        "Date": None,  # or two pictures of one subset would differ
    }


def _png_facts(manifest: Provenance) -> dict[str, str]:
    return {
        "Title": f"{_name(manifest)}: {size(manifest)}",
        "Software": f"cxrcat {version('cxrcat')}",
        "Copyright": paragraph(manifest),
    }


def _name(manifest: Provenance) -> str:
    return f"{manifest.subset.name}@{manifest.subset.version}"


def _figure(manifest: Provenance) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    profile = manifest.subset.profile
    if profile is None:
        raise UsageError(f"{_name(manifest)}: the manifest has no profile to draw")
    footer = textwrap.wrap(paragraph(manifest), _COLUMNS["footer"], break_on_hyphens=False)
    question = textwrap.wrap(
        clean(manifest.subset.normal),
        _COLUMNS["question"],
        max_lines=_QUESTION_LINES,
        placeholder=" …",
    )
    above = 0.95 + 0.16 * (len(question) - 1)
    below = _MARGIN + 0.1 + _LINE * len(footer)
    height = above + _HEIGHT + below
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
    across = _MARGIN / _WIDTH
    figure.text(across, 1 - 0.2 / height, _name(manifest), va="top", size=17, weight="bold")
    dataset = f"{clean(manifest.dataset.short_title)} {manifest.dataset.version}"
    figure.text(across, 1 - 0.52 / height, f"{size(manifest)}, from {dataset}", va="top", size=10.5)
    figure.text(
        across,
        1 - 0.74 / height,
        "\n".join(question),
        va="top",
        color=_QUIET,
        family=["DejaVu Sans Mono"],
        size=8,
    )
    figure.text(
        across, _MARGIN / 2 / height, "\n".join(footer), va="bottom", color=_QUIET, size=6.8
    )
    figure.set_layout_engine(
        ConstrainedLayoutEngine(
            rect=(across, below / height, 1 - 2 * across, 1 - (above + below) / height),
            h_pad=0.1,
            w_pad=0.1,
            hspace=0.06,
            wspace=0.04,
        )
    )
    grid = figure.add_gridspec(2, 6, height_ratios=(1.35, 1))
    _findings(figure.add_subplot(grid[0, :3]), profile, manifest.subset.images)
    _together(figure.add_subplot(grid[0, 3:]), profile)
    _ages(figure.add_subplot(grid[1, :3]), profile)
    _bars(figure.add_subplot(grid[1, 3]), "Images by view", profile.views)
    _bars(figure.add_subplot(grid[1, 4:]), "Patients by number of images", profile.patients)
    _settle(figure)
    return figure


def _settle(figure: Figure) -> None:
    """Lay the parts out once, at round places: the last bits of a layout differ between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(each, 4) for each in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def _short(text: str) -> str:
    text, most = clean(text), _COLUMNS["label"]
    return text if len(text) <= most else text[: most - 1] + "…"


def _findings(axes: Axes, profile: Profile, total: int) -> None:
    shown = sorted(profile.findings, key=lambda finding: -finding.images)[:_MOST_FINDINGS]
    numbers = [finding.images for finding in shown]
    rows = range(len(shown))
    axes.barh(rows, numbers, height=0.75, color=_COLOURS[0])
    axes.set_yticks(rows, [_short(finding.label) for finding in shown])
    axes.invert_yaxis()
    for row, number in zip(rows, numbers, strict=True):
        share = f"  {number / total:.1%}" if total else ""
        axes.text(number, row, f" {number:,}{share}", va="center", size=7.5)
    axes.set_xlim(0, 1.22 * max([*numbers, 1]))
    axes.set_title(f"Images by finding (labels {profile.labels}; an image can have several)")
    _count_along(axes, "x")


def _together(axes: Axes, profile: Profile) -> None:
    import numpy as np
    from matplotlib.colors import LogNorm

    axes.set_title("Images with two findings (diagonal: all of one)")
    known = [finding for finding in profile.findings if finding.images]
    most = sorted(known, key=lambda finding: -finding.images)[:_MOST_FINDINGS]
    shown = [finding for finding in known if finding in most]
    place = {finding.name: number for number, finding in enumerate(shown)}
    if not shown:
        axes.set_axis_off()
        axes.text(0, 0.9, "no image has a finding", transform=axes.transAxes, color=_QUIET)
        return
    counts = np.zeros((len(shown), len(shown)), dtype=int)
    for one, others in profile.together.items():
        for other, number in others.items():
            if one in place and other in place:
                counts[place[one], place[other]] = counts[place[other], place[one]] = number
    highest = max(2, int(counts.max()))
    axes.imshow(
        np.ma.masked_equal(counts, 0), cmap="Blues", norm=LogNorm(0.6, 1.6 * highest), aspect="auto"
    )
    dark = highest**0.6
    for row, finding in enumerate(shown):
        for column in range(len(shown)):
            number = finding.images if row == column else int(counts[row, column])
            colour = _QUIET if row == column else "white" if number > dark else "#20303c"
            if number:
                axes.text(
                    column, row, f"{number:,}", ha="center", va="center", size=6.2, color=colour
                )
    labels = [_short(finding.label) for finding in shown]
    axes.set_xticks(range(len(shown)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(shown)), labels)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _ages(axes: Axes, profile: Profile) -> None:
    groups = [
        group for group in profile.ages if group.years != "unknown" or any(group.sexes.values())
    ]
    rows = range(len(groups))
    below = [0] * len(groups)
    sexes = list(groups[0].sexes) if groups else []
    for number, sex in enumerate(sexes):
        heights = [group.sexes[sex] for group in groups]
        label = f"{_short(sex)} ({sum(heights):,})"
        colour = _COLOURS[number % len(_COLOURS)]
        axes.bar(rows, heights, bottom=below, width=0.8, color=colour, label=label)
        below = [each + height for each, height in zip(below, heights, strict=True)]
    _names_along(axes, [group.years for group in groups])
    axes.set_title("Images by age in years, and sex")
    if sexes:
        axes.legend(frameon=False, ncols=len(sexes), loc="upper left", borderaxespad=0.2)
    axes.set_ylim(0, 1.15 * max([*below, 1]))
    _count_along(axes, "y")


def _bars(axes: Axes, title: str, counts: dict[str, int]) -> None:
    columns, numbers = range(len(counts)), list(counts.values())
    axes.bar(columns, numbers, width=0.7, color=_COLOURS[0])
    _names_along(axes, list(counts))
    for column, number in zip(columns, numbers, strict=True):
        axes.text(column, number, f"{number:,}", ha="center", va="bottom", size=7.5)
    axes.set_ylim(0, 1.15 * max([*numbers, 1]))
    axes.set_title(title)
    _count_along(axes, "y")


def _names_along(axes: Axes, names: list[str]) -> None:
    """Write names below the bars, aslant where they would run into one another."""
    labels = [_short(name) for name in names]
    aslant = any(len(label) > _UPRIGHT for label in labels)
    turned: dict[str, Any] = (
        {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if aslant else {}
    )
    axes.set_xticks(range(len(labels)), labels, **turned)
    axes.tick_params(axis="x", length=0)


def _count_along(axes: Axes, which: str) -> None:
    """Write the numbers of an axis as counts, with faint lines across the picture."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.grid(visible=True, color="#e6eaee", linewidth=0.8)
    axis.set_tick_params(length=0, labelcolor=_QUIET)
