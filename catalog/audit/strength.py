"""Whether a text that names a dataset says that it is used, or only speaks of it."""

from __future__ import annotations

import re
from typing import Literal

from .sentences import sentence_of
from .texts import TextKind

Strength = Literal["uses", "mentions"]

_I = re.IGNORECASE

_USE = re.compile(
    r"\b(trained|training|train|re-?train\w*|fine-?tun\w*|pre-?train\w*|evaluat\w*|tested|"
    r"testing|validat\w*|"
    r"use[ds]?|using|usage|utili[sz]\w*|experiments?|download\w*|employ\w*|adopt\w*|obtain\w*|"
    r"subset|"
    r"sampl\w*|extract(ed|s)?|load(ed|s|ing|er)?|based on|built (on|with|from)|classif\w+|"
    r"detect\w*|predict\w*|"
    r"preprocess\w*|process(ed|es)?|our (data|dataset)|(images?|labels|radiographs|x-rays|films|"
    r"annotations|scans|patients|part|portion|half|all) (from|of|in)|radiographs? from|"
    r"x-?rays from|"
    r"split\w*|reproduc\w*|implement\w*|appl(y|ied)|run on|work(s|ed)? (on|with)|perform\w*|"
    r"results on|"
    r"benchmark(ed|ing)? on|leverag\w*|select(ed)?|consist\w*|compris\w*|(drawn|taken|cut|made|"
    r"come|comes|came) (out )?(from|of)|can be (found|accessed)|(is|are) available (at|here|on)|"
    r"data ?sets?\s*(?:used)?\s*[:=]|data\s*[:=]|verwend\w*|trainier\w*|nutz\w*|utilis\w*|"
    r"entraîn\w*|"
    r"entren\w+|usamos|utiliza\w*|treina\w*|treino|entrenado|addestrat\w*|обуч\w*|использ\w*)\b|"
    r"训练|使用|采用|基于|下载|評価|学習|사용|학습",
    _I,
)
_ONLY_SPOKEN_OF = re.compile(
    r"\b(unlike|in contrast (to|with)|contrary to|rather than|instead of|not (be )?(use[ds]?|"
    r"using|trained|"
    r"included?|evaluated|part)|(do|did|does|have|has|was|were|is|are|will) not|don['’]t|"
    r"didn['’]t|never|without|"
    r"other (public\w* )?(available )?datasets|related (work|datasets)|future work|"
    r"in (the )?future|plan(s|ned)? to|"
    r"could|might|may be|would|larger than|smaller than|bigger than|similar to|such as|e\.g\.|"
    r"for example|"
    r"for instance|including|like|previous(ly)?|prior (work|studies)|earlier work|[Ww]ell[- ]known|"
    r"introduced by|proposed by|no images? (from|of)|compared (to|with)|comparable (to|with)|"
    r"see also|"
    r"nicht|kein\w*|anders als|im gegensatz|contrairement|a diferencia|ao contrário|в отличие)\b|"
    r"不同于|未使用|没有使用",
    _I,
)
_CLEAR_USE = re.compile(
    r"\b(we|i|our|this (?:repo\w*|project|work|model|code|study|notebook|app|paper|dataset|"
    r"subset|implementation))\b"
    r"[^.;]{0,80}\b(use[ds]?|using|train\w*|evaluat\w*|test(ed)?|fine-?tun\w*|download\w*|"
    r"utili[sz]\w*|validat\w*|"
    r"contain\w*|built|based|appl(y|ied)|extract\w*|sampl\w*|employ\w*|adopt\w*|select\w*)\b|"
    r"\b(trained|training|fine-?tun\w+|pre-?trained|evaluated|tested|"
    r"validated)\s+(?:and\s+\w+\s+)?(?:on|with|using|from)\b|"
    r"\bdownload\b|训练|使用|采用",
    _I,
)
_TRAINED = re.compile(r"\W{1,3}(?:pre-?)?trained\b", _I)  # directly after the name
_OTHERS = re.compile(
    r"\bet al\b|\bothers\b|"
    r"\b(they|their|authors of|previous|prior|earlier|several studies|many works)\b",
    _I,
)
_DENIED = re.compile(
    r"\b(unlike|instead of|rather than|(do|did|does|was|were|is|are|have|has|will) not|cannot|"
    r"don['’]t|didn['’]t|"
    r"doesn['’]t|never|neither|(?<!possible )without|not (?:use|train|includ|evaluat)\w*|"
    r"no images?|kein\w*|nicht|anders als|contrairement|a diferencia|"
    r"ao contrário|plan to|future|could be|might|would(?! like| not (?:have )?be))\b|"
    r"不同于|未使用|没有使用",
    _I,
)
_SECTION_OF_DATA = re.compile(
    r"\b(data|datasets?|database|download\w*|usage|set-?up|getting started|install\w*|training|"
    r"experiments?|"
    r"requirements|prepar\w+|datensatz|daten|données|datos|dados|dati)\b|数据",
    _I,
)
_SECTION_OF_OTHERS = re.compile(
    r"\b(related|other|awesome|future|further reading|see also|comparison|state of the art|todo|"
    r"review of|survey|list of|roadmap)\b",
    _I,
)
# Headings of works, unless they are of data too: "Paper and data", "Background of the dataset".
_SECTION_OF_WORKS = re.compile(
    r"\b(background|references|bibliograph\w*|literature|papers?|literatur|"
    r"literaturverzeichnis)\b",
    _I,
)
_TITLE_OF_OTHERS = re.compile(
    r"\b(paper (reading|summary|notes?|review)|reading notes?|(summary|review|list|overview) of|"
    r"survey|awesome|journal club)\b|论文(笔记|阅读|解读)",
    _I,
)
_COMMENT = re.compile(r"^\s*(#|//|\*|/\*|%|--|;|\"\"\"|''')")
# A comment that opens with a name says what the code below it is for; one that tells of the named
# is a sentence.
_OPENS_COMMENT = re.compile(
    r"^\s*(?:[#/*%;!-]+|r?\"\"\"|r?''')[\s#=*%\[\]-]*(?:the\s+|an?\s+)?$", _I
)
_TELLS = re.compile(r"\b(is|are|was|were|has|have|had|does|do|can|could|would|may|might|see)\b", _I)
_LABELLED = re.compile(
    r"(?:^|\n)\s*[-*|]?\s*[\"'*_`]*(data ?sets?|data|data source|"
    r"training data|images?|radiographs?|"
    r"source|corpus|dataset_name|datasets?_?\w*|trained on|"
    r"datensatz|données|datos|dados|数据集|数据)"
    r"[\"'*_`]*\s*[:=|：]",
    _I,
)


def named_in_prose(source: str, start: int, end: int, heading: str | None, first: bool) -> Strength:
    """Return how strongly a name in prose shows use; `first` when it is in the text's title."""
    begin, stop = sentence_of(source, start, end)
    before, rest = source[begin:start], source[end:stop]
    sentence = f"{before} {source[start:end]} {rest}"
    if _DENIED.search(before) or _DENIED.search(rest[:60]):
        return "mentions"
    if first and not _TITLE_OF_OTHERS.search(sentence):
        return "uses"
    if _LABELLED.search(before):
        return "uses"
    clear = _CLEAR_USE.search(sentence) or _TRAINED.match(rest)
    if clear and not _OTHERS.search(before):
        return "uses"
    if _ONLY_SPOKEN_OF.search(before) or _OTHERS.search(before):
        return "mentions"
    if _of_others(heading):
        return "mentions"
    if _USE.search(sentence):
        return "uses"
    if heading is not None and _SECTION_OF_DATA.search(heading):
        return "uses"
    return "mentions"


def offered_in_prose(source: str, start: int, end: int, heading: str | None) -> Strength:
    """Return how strongly an address of the data shows use: it does, unless the words deny it."""
    begin, _ = sentence_of(source, start, end)
    before = source[begin:start]
    if _DENIED.search(before):
        return "mentions"
    if _LABELLED.search(before):
        return "uses"
    if heading is not None and _SECTION_OF_OTHERS.search(heading):
        return "uses" if _CLEAR_USE.search(before) else "mentions"
    return "mentions" if _ONLY_SPOKEN_OF.search(before) and not _USE.search(before) else "uses"


def named_in_code(source: str, start: int, end: int, kind: TextKind) -> Strength:
    """Return how strongly a name in code shows use: in a comment as in prose, elsewhere it does."""
    line_start = source.rfind("\n", 0, start) + 1
    before = source[line_start:start]
    if kind is TextKind.CODE and (_COMMENT.match(before) or " # " in before or " // " in before):
        _, stop = sentence_of(source, start, end)
        labels = _OPENS_COMMENT.match(before) and not _TELLS.search(source[end:stop])
        return "uses" if labels else named_in_prose(source, start, end, None, first=False)
    return "mentions" if _DENIED.search(before) else "uses"


def _of_others(heading: str | None) -> bool:
    if heading is None:
        return False
    if _SECTION_OF_OTHERS.search(heading):
        return True
    return bool(_SECTION_OF_WORKS.search(heading)) and not _SECTION_OF_DATA.search(heading)
