"""Formatted references, against what each style asks for."""

from __future__ import annotations

import time

import pytest

from cxrcat.catalog.formats import Style, format_citation
from cxrcat.schemas.descriptor import Descriptor
from cxrcat.schemas.manifest import Provenance
from cxrcat.schemas.terms import Citation

WANG_TITLE = (
    "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised "
    "Classification and Localization of Common Thorax Diseases"
)
MAJKOWSKA_TITLE = (
    "Chest Radiograph Interpretation Using Deep Learning Models: Assessment Using Radiologist "
    "Adjudicated Reference Standards and Population-Adjusted Evaluation"
)
DASH = "\u2013"
WANG = {
    Style.APA: (
        f"Wang, X., Peng, Y., Lu, L., Lu, Z., Bagheri, M., & Summers, R. (2017). {WANG_TITLE}. "
        f"IEEE CVPR, 3462{DASH}3471. https://doi.org/10.1109/CVPR.2017.369"
    ),
    Style.VANCOUVER: (
        f"Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers R. {WANG_TITLE}. In: IEEE CVPR. 2017. "
        "p. 3462-71. doi:10.1109/CVPR.2017.369"
    ),
    Style.IEEE: (
        f"X. Wang, Y. Peng, L. Lu, Z. Lu, M. Bagheri, and R. Summers, “{WANG_TITLE},” in "
        f"IEEE CVPR, 2017, pp. 3462{DASH}3471. doi: 10.1109/CVPR.2017.369."
    ),
    Style.AMA: (
        f"Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers R. {WANG_TITLE}. In: IEEE CVPR. "
        "2017:3462-3471. doi:10.1109/CVPR.2017.369"
    ),
    Style.CHICAGO: (
        "Wang, Xiaosong, Yifan Peng, Le Lu, Zhiyong Lu, Mohammadhadi Bagheri, and Ronald Summers. "
        f"2017. “{WANG_TITLE}.” IEEE CVPR, 3462{DASH}71. https://doi.org/10.1109/CVPR.2017.369."
    ),
    Style.MLA: (
        f"Wang, Xiaosong, et al. “{WANG_TITLE}.” IEEE CVPR, 2017, pp. 3462{DASH}71, "
        "https://doi.org/10.1109/CVPR.2017.369."
    ),
    Style.HARVARD: (
        f"Wang, X., Peng, Y., Lu, L., Lu, Z., Bagheri, M., Summers, R., 2017. {WANG_TITLE}, in: "
        f"IEEE CVPR. pp. 3462{DASH}3471. https://doi.org/10.1109/CVPR.2017.369"
    ),
    Style.ELSEVIER: (
        f"Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers R. {WANG_TITLE}. IEEE CVPR, 2017, "
        f"p. 3462{DASH}71. https://doi.org/10.1109/CVPR.2017.369."
    ),
}
MAJKOWSKA = {
    Style.APA: (
        "Majkowska, A., Mittal, S., Steiner, D. F., Reicher, J. J., McKinney, S. M., "
        "Duggan, G. E., Eswaran, K., Chen, P. H. C., Liu, Y., Kalidindi, S. R., Ding, A., "
        f"Corrado, G. S., Tse, D., & Shetty, S. (2020). {MAJKOWSKA_TITLE}. Radiology, 294(2), "
        f"421{DASH}431. https://doi.org/10.1148/radiol.2019191293"
    ),
    Style.VANCOUVER: (
        "Majkowska A, Mittal S, Steiner DF, Reicher JJ, McKinney SM, Duggan GE, et al. "
        f"{MAJKOWSKA_TITLE}. Radiology. 2020;294(2):421-31. doi:10.1148/radiol.2019191293"
    ),
    Style.IEEE: (
        f"A. Majkowska et al., “{MAJKOWSKA_TITLE},” Radiology, vol. 294, no. 2, "
        f"pp. 421{DASH}431, 2020, doi: 10.1148/radiol.2019191293."
    ),
    Style.AMA: (
        f"Majkowska A, Mittal S, Steiner DF, et al. {MAJKOWSKA_TITLE}. Radiology. "
        "2020;294(2):421-431. doi:10.1148/radiol.2019191293"
    ),
    Style.CHICAGO: (
        f"Majkowska, A., S. Mittal, D. F. Steiner, et al. 2020. “{MAJKOWSKA_TITLE}.” "
        f"Radiology 294 (2): 421{DASH}31. https://doi.org/10.1148/radiol.2019191293."
    ),
    Style.MLA: (
        f"Majkowska, A., et al. “{MAJKOWSKA_TITLE}.” Radiology, vol. 294, no. 2, 2020, "
        f"pp. 421{DASH}31, https://doi.org/10.1148/radiol.2019191293."
    ),
    Style.HARVARD: (
        "Majkowska, A., Mittal, S., Steiner, D.F., Reicher, J.J., McKinney, S.M., Duggan, G.E., "
        "Eswaran, K., Chen, P.H.C., Liu, Y., Kalidindi, S.R., Ding, A., Corrado, G.S., Tse, D., "
        f"Shetty, S., 2020. {MAJKOWSKA_TITLE}. Radiology 294, 421{DASH}431. "
        "https://doi.org/10.1148/radiol.2019191293"
    ),
    Style.ELSEVIER: (
        "Majkowska A, Mittal S, Steiner DF, Reicher JJ, McKinney SM, Duggan GE, et al. "
        f"{MAJKOWSKA_TITLE}. Radiology 2020;294:421{DASH}31. "
        "https://doi.org/10.1148/radiol.2019191293."
    ),
}


def changed(citation: Citation, **changes: object) -> Citation:
    return Citation.model_validate({**citation.model_dump(by_alias=True), **changes})


@pytest.mark.parametrize("style", Style)
def test_each_style_is_as_its_owners_ask(
    style: Style, descriptor: Descriptor, capfd: pytest.CaptureFixture[str]
) -> None:
    works = descriptor.citations[:2]
    assert format_citation(works, style) == [WANG[style], MAJKOWSKA[style]]
    assert format_citation(works[::-1], style) == [MAJKOWSKA[style], WANG[style]]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("style", Style)
def test_no_works_are_no_lines(style: Style) -> None:
    assert format_citation([], style) == []


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    "title",
    [
        "a & b < c > d &amp; <i>e</i>",
        '<span class="nocase">x</span> and "y"',
        "ends with a full stop.",
        "Is it a question?",
        "50% of {x} \\ _y_ $z$ .. versus...",
        "1. a number first [1]",
    ],
)
def test_a_title_stays_as_it_is(style: Style, title: str, descriptor: Descriptor) -> None:
    (line,) = format_citation([changed(descriptor.citations[1], title=title)], style)
    assert line.count(title) == 1
    for wrong in ("?.", "?,", "stop..", "stop.,", "”.", "”,", "  "):
        assert wrong not in line


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (Style.APA, "de la Cruz, J.-P., & 李, 明. (2020)"),
        (Style.VANCOUVER, "de la Cruz JP, 李 明. "),
        (Style.IEEE, "J.-P. de la Cruz and 明 李, "),
        (Style.AMA, "de la Cruz JP, 李 明. "),
        (Style.CHICAGO, "de la Cruz, Jean-Paul, and 明 李. 2020. "),
        (Style.MLA, "de la Cruz, Jean-Paul, and 明 李. “"),
        (Style.HARVARD, "de la Cruz, J.-P., 李, 明, 2020. "),
        (Style.ELSEVIER, "de la Cruz JP, 李 明. "),
    ],
)
def test_names_that_citeproc_breaks(style: Style, expected: str, descriptor: Descriptor) -> None:
    people = [{"family": "de la Cruz", "given": "Jean-Paul"}, {"family": "李", "given": "明"}]
    (line,) = format_citation([changed(descriptor.citations[1], author=people)], style)
    assert line.startswith(expected)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    "kind", ["paper-conference", "article-journal", "article", "dataset", "report"]
)
def test_every_type_of_work_has_its_facts(style: Style, kind: str, descriptor: Descriptor) -> None:
    citation = changed(
        descriptor.citations[0],
        type=kind,
        issued={"date-parts": [[2017, 3, 4]]},
        publisher="The Press & Co",
    )
    (line,) = format_citation([citation], style)
    last = "et al." if style is Style.MLA else "Summers"  # where three are too many
    for fact in ("Wang", last, "2017", WANG_TITLE, "10.1109/CVPR.2017.369"):
        assert fact in line
    assert "&amp;" not in line


def test_three_styles_of_three_works_are_quick(everything: Provenance) -> None:
    format_citation(everything.citations, Style.APA)  # the first call imports
    started = time.process_time()
    for style in (Style.APA, Style.VANCOUVER, Style.IEEE):
        format_citation(everything.citations, style)
    assert time.process_time() - started < 0.4  # 0.03 s here; a shared machine may be slower
