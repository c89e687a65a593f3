"""Whether a text that names a dataset says that it is used, or only speaks of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .sentences import HEADS_THANKS, sentence_of
from .texts import TextKind

Strength = Literal["uses", "mentions"]

_I = re.IGNORECASE

_USE = re.compile(
    r"\b(trained|training|train|re-?train\w*|fine-?tun\w*|pre-?train\w*|evaluat\w*|tested|"
    r"testing|validat\w*|"
    r"use[ds]?|using|usage|utili[sz]\w*|experiments?|download\w*|employ\w*|adopt\w*|"
    r"subset|"
    r"load(ed|s|ing|er)?|based on|built (on|with|from)|"
    r"preprocess\w*|our (data|dataset)|"
    r"split\w*|reproduc\w*|implement\w*|appl(y|ied)|run on|work(s|ed)? (on|with)|"
    r"results on|"
    r"prepar(es?|ed|ing)|analy[sz](es?|ed|ing)|explor(es?|ed|ing)|"
    r"benchmark(ed|ing)? on|leverag\w*|can be (found|accessed)|(is|are) available (at|here|on)|"
    r"data ?sets?\s*(?:used)?\s*[:=]|data\s*[:=]|verwend\w*|trainier\w*|nutz\w*|utilis\w*|"
    r"entraîn\w*|"
    r"entren\w+|usamos|utiliza\w*|treina\w*|treino|entrenado|addestrat\w*|обуч\w*|использ\w*)\b|"
    r"训练|使用|采用|基于|下载|評価|学習|사용|학습",
    _I,
)
# Words that tell of use before a name; after it they may as well say what the named is.
_USE_OF = re.compile(
    r"\b(sampl\w*|extract(ed|s)?|obtain\w*|classif\w+|detect\w*|predict\w*|process(ed|es)?|"
    r"(images?|labels|radiographs|x-rays|films|annotations|scans|patients|part|portion|half|all) "
    r"(from|of|in)|radiographs? from|x-?rays from|perform\w*|requires?|needs?|expects?|"
    r"select(ed)?|consist\w*|compris\w*|(on|from|with|of) the following|"
    r"(drawn|taken|cut|made|come|comes|came) (out )?(from|of))\b",
    _I,
)
_DONE_TO_IT = re.compile(
    r"^[^.,;:]{0,30}\b(was|were|is|are) (\w+ly )?"
    r"(sampled|extracted|obtained|classified|processed|selected|drawn|taken)\b",
    _I,
)
# What code does with what its comments name.
_HANDLES = re.compile(
    r"\b(map(s|ped|ping)?|convert\w*|pars(es?|ed|ing)|merg(es?|ed|ing)|combin\w*|filter\w*|"
    r"reads?|reading|writes?|saves?|builds?|makes?|clean(s|ed|ing)?|organi[sz]\w*|harmoni[sz]\w*|"
    r"unif(y|ies|ied)|relabel\w*|augment\w*|resiz\w*|crops?|index\w*|generat\w*|creat\w*)\b",
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
    r"for example|recommended (for|to)|suitable for|suited (for|to)|intended for|"
    r"for instance|including|like|previous(ly)?|prior (work|studies)|earlier work|[Ww]ell[- ]known|"
    r"introduced by|proposed by|no images? (from|of)|compared (to|with)|comparable (to|with)|"
    r"see also|"
    r"nicht|kein\w*|anders als|im gegensatz|contrairement|a diferencia|ao contrário|в отличие|"
    r"zum beispiel|beispielsweise|tel(le)?s? que|par exemple|tales como|por ejemplo|tais como|"
    r"por exemplo|ad esempio|например|такие как|gibi|örneğin|nh[uư]|chẳng hạn|ví dụ)\b|"
    r"不同于|未使用|没有使用|例如|比如|诸如|たとえば|예를 들어",
    _I,
)
# Named as one of many: who trains on "datasets such as" it need not have trained on it.
_ONE_OF_MANY = re.compile(
    r"\b(such as|like|e\.g\.|for example|for instance|including)\W+(?:[\w-]+\W+){0,6}$", _I
)
_WAS_TRAINED = re.compile(
    r"\b(was|were|is|are|been|being) (\w+ly )?(and \w+ )?"
    r"(trained|fine-?tuned|pre-?trained|evaluated|tested|validated|used)\b",
    _I,
)
_USING = re.compile(r"^\W*(using|by using|with) ", _I)
_AND_WE = re.compile(
    r",\s*(we|i|our|this|the (proposed |present )?(system|model|project|pipeline|framework|app))\b",
    _I,
)
_WE_USE = re.compile(
    r"\b(we|i|our|this (?:repo\w*|project|work|model|code|study|notebook|app|paper|dataset|"
    r"subset|implementation))\b"
    r"[^.;]{0,80}\b(use[ds]?|using|train\w*|evaluat\w*|test(ed)?|fine-?tun\w*|download\w*|"
    r"utili[sz]\w*|validat\w*|"
    r"contain\w*|built|based|appl(y|ied)|extract\w*|sampl\w*|employ\w*|adopt\w*|select\w*)\b",
    _I,
)
_CLEAR_USE = re.compile(
    _WE_USE.pattern + r"|\b(trained|training|fine-?tun\w+|pre-?trained|evaluated|tested|"
    r"validated)\s+(?:and\s+\w+\s+)?(?:on|with|using|from)\b|"
    r"\bdownload\b|训练|使用|采用",
    _I,
)
# Who speaks of the own work in these words names what it is made with, whatever the verb.
_OWN = re.compile(
    r"\b((n?est[ea]|esse|neste|o presente) (projeto|trabalho|repositório|estudo|modelo)|"
    r"(este|el presente) (proyecto|trabajo|repositorio|estudio|modelo)|"
    r"ce (projet|travail|dépôt|modèle)|cette étude|diese[rs]? (projekt|arbeit|repository|modell)|"
    r"questo (progetto|lavoro|modello)|bu (proje|çalışma|model)\w*|"
    r"(этот|данный) проект|эта работа|цей проєкт|ця робота)\b|"
    r"本(项目|專案|研究|文|仓库|プロジェクト)",
    _I,
)
_TRAINED = re.compile(r"\W{1,3}(?:pre-?)?trained\b", _I)  # directly after the name
_UNLIKE = re.compile(
    r"\b(unlike|in contrast (to|with)|contrary to|instead of|rather than|anders als|"
    r"im gegensatz zu|contrairement à)\b[^,.;:]{1,90},",
    _I,
)
_OTHERS = re.compile(
    r"\bet al\b|\bothers\b|"
    r"\b(any|all|every) (other |previous |prior |published )*(works?|methods?|approach\w*)\b|"
    r"\b(they|their|authors of|the researchers|previous|prior|earlier|several studies|"
    r"many works)\b",
    _I,
)
# What introduces a list of examples.
_EXAMPLES = re.compile(
    r"\b(you (can|could|may|might) (also )?(test|try)|"
    r"(here|there) (is|are) (a few|some|several|many|other)|"
    r"(some|several|many|a few|various|popular|common|commonly used|widely used|other|"
    r"well[- ]known|existing|notable) (\w+[\s-]+){0,4}(datasets?|databases|benchmarks|"
    r"resources|collections)|examples? (of|are|include)|for (example|instance)|candidates?|options|"
    r"suggest\w*|recommend\w*|could|might|consider)\b",
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
# After a name such words deny what follows them: "X rather than ImageNet".
_DENIED_AFTER = re.compile(
    r"\b((do|did|does|was|were|is|are|have|has|will) not|cannot|don['’]t|didn['’]t|doesn['’]t|"
    r"never|not (?:use|train|includ|evaluat)\w*|kein\w*|nicht|plan to|future|could be|might|"
    r"would(?! like| not (?:have )?be))\b|未使用|没有使用",
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
# Headings under which all sections, whatever they are called, speak of others' work.
_PART_OF_OTHERS = re.compile(
    r"\b(related|literature|(prior|previous|earlier|existing) (work|research|studies|approaches)|"
    r"state of the art|survey|further reading|future|see also|roadmap|todo|references|"
    r"bibliograph\w*|(review|list) of)\b",
    _I,
)
_TITLE_OF_OTHERS = re.compile(
    r"\b(paper (reading|summary|notes?|review)|reading notes?|(summary|review|list|overview) of|"
    r"survey|awesome|journal club)\b|论文(笔记|阅读|解读|速读|精读|导读)",
    _I,
)
_COMMENT = re.compile(r"^\s*(#|//|\*|/\*|%|--|;|\"\"\"|''')")
# A comment that opens with a name says what the code below it is for; one that tells of the named
# is a sentence.
_OPENS_COMMENT = re.compile(
    r"^\s*(?:[#/*%;!-]+|r?\"\"\"|r?''')[\s#=*%\[\]-]*(?:the\s+|an?\s+)?$", _I
)
# The words of an item in a list of things: of courses, papers, people, models.
_DESCRIBES = re.compile(
    r"\b(description|desc|title|summary|content|abstract|bio)[\"']?\s*:\s*[fr]?[\"'`]"
    r"(?:\W*[\w%.]+){3}",
    _I,
)
_JOINED = re.compile(r"[\"'`]\s*\n\s*[fr]?[\"'`]")  # between the parts of one string
_KEYWORDS = re.compile(r"\b\w*(?:keyword|lexicon|vocabulary|synonym)\w*\b[^=\n]*=\s*[\[{(]", _I)
_LIST_OF_KEYWORDS = 800  # characters above a place in which such a list may begin
_SUBJECT = re.compile(r"\W*(?:(?:the|this|an?)\s+)?\W*(?:\w+\s+)?\W*", _I)  # before a name
_DOCUMENT = re.compile(r"[\w.-]*\.(?:pdf|md|tex|bib|docx?|html?)\b", _I)  # after it
_PATH = re.compile(r"[\\/][\w.-]*$")  # before a name that is part of a path
_WORDS = re.compile(
    r"(?:[A-Za-z’'-]{2,}[,;]?\s+|[a-z]\s+){4}$"
)  # of a sentence, before a name in code
_TELLS = re.compile(r"\b(is|are|was|were|has|have|had|does|do|can|could|would|may|might|see)\b", _I)
_LABELLED = re.compile(
    r"(?:^|\n)\s*[-*|]?\s*[\"'*_`]*(data ?sets?|data|data source|"
    r"training data|images?|radiographs?|"
    r"source|corpus|dataset_name|datasets?_?\w*|trained on|"
    r"datensatz|données|datos|dados|数据集|数据)"
    r"[\"'*_`]*\s*[:=|：]",
    _I,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands: under which heading, in which sections, in the list of what sentence.

    `sections` are level and words of the headings of Markdown and LaTeX, the nearest first. A
    dataset that a README describes in its `opening`, before its first section, is its project's.
    """

    heading: str | None = None
    sections: tuple[tuple[int, str], ...] = ()
    lead: str = ""
    opening: bool = False


def named_in_prose(source: str, start: int, end: int, place: Place, first: bool) -> Strength:
    """Return how strongly a name in prose shows use; `first` when it is in its own work's title."""
    begin, stop = sentence_of(source, start, end)
    before, rest = source[begin:start], source[end:stop]
    sentence = f"{before} {source[start:end]} {rest}"
    if _is_denied(before) or _DENIED_AFTER.search(rest[:60]):
        return "mentions"
    if first or (_PATH.search(before) and not _DOCUMENT.match(rest)):
        return "uses"
    if _LABELLED.search(before):
        return "uses"
    others = _of_others(place)
    clear = _WE_USE.search(sentence) or _OWN.search(before)
    clear = clear or (_USING.search(before) and _AND_WE.search(rest))
    if not clear and not others:  # in a review, whoever trained on it are others
        clear = _CLEAR_USE.search(sentence) or _TRAINED.match(rest)
        if clear and _ONE_OF_MANY.search(before):
            clear = _WAS_TRAINED.search(before)
    if clear and not _OTHERS.search(before):
        return "uses"
    if _ONLY_SPOKEN_OF.search(before) or _OTHERS.search(before):
        return "mentions"
    if others:
        return "mentions"
    listed = _listed(place.lead)
    if listed is not None:
        return listed
    if _USE.search(sentence) or _USE_OF.search(before) or _DONE_TO_IT.search(rest):
        return "uses"
    above = [words for level, words in place.sections if level > 1]
    of_data = any(_SECTION_OF_DATA.search(words) for words in (place.heading or "", *above))
    described = place.opening and _SUBJECT.fullmatch(before) and not first
    thanked = place.heading is not None and HEADS_THANKS.search(place.heading)
    return "uses" if of_data or described or thanked else "mentions"


def offered_in_prose(source: str, start: int, end: int, place: Place) -> Strength:
    """Return how strongly an address of the data shows use: it does, unless the words deny it."""
    begin, _ = sentence_of(source, start, end)
    before, heading = source[begin:start], place.heading
    if _DENIED.search(before):
        return "mentions"
    if _listed(place.lead) == "mentions" and not _CLEAR_USE.search(before):
        return "mentions"
    if _LABELLED.search(before):
        return "uses"
    if heading is not None and _SECTION_OF_OTHERS.search(heading):
        return "uses" if _CLEAR_USE.search(before) else "mentions"
    used = _USE.search(before) or _USE_OF.search(before)
    return "mentions" if _ONLY_SPOKEN_OF.search(before) and not used else "uses"


def named_in_code(source: str, start: int, end: int, kind: TextKind) -> Strength:
    """Return how strongly a name in code shows use: in a comment as in prose, elsewhere it does.

    A sentence within a string is none of the code's either, where it only speaks of the named.
    """
    line_start = source.rfind("\n", 0, start) + 1
    before = source[line_start:start]
    if kind is TextKind.CODE and (_COMMENT.match(before) or " # " in before or " // " in before):
        _, stop = sentence_of(source, start, end)
        if _OPENS_COMMENT.match(before) and not _TELLS.search(source[end:stop]):
            return "uses"
        told = named_in_prose(source, start, end, Place(), first=False)
        spoken = _DENIED.search(before) or _ONLY_SPOKEN_OF.search(before)
        return "uses" if _HANDLES.search(before) and not spoken else told
    if _DENIED.search(before):
        return "mentions"
    if kind is not TextKind.CODE or _PATH.search(before):
        return "uses"
    if in_keywords(source, start):
        return "mentions"
    describes = _DESCRIBES.search(before)
    begin, _ = sentence_of(source, start, end)
    before = _JOINED.sub("", source[begin:start])
    spoken = _ONLY_SPOKEN_OF.search(before) or _OTHERS.search(before)
    if describes or (spoken and _WORDS.search(before)):
        return "uses" if _WE_USE.search(before) else "mentions"
    return "uses"


def in_keywords(source: str, at: int) -> bool:
    """Whether a place of code is in a list of words to look for, not of data to load."""
    low = max(0, at - _LIST_OF_KEYWORDS)
    for found in _KEYWORDS.finditer(source, low, at):
        since = source[found.end() - 1 : at]
        if sum(map(since.count, "[{(")) > sum(map(since.count, "]})")):
            return True
    return False


def titles_others(title: str) -> bool:
    """Whether a title says that a text is about others' work."""
    return _TITLE_OF_OTHERS.search(title) is not None


def _listed(lead: str) -> Strength | None:
    """Return what the sentence that introduces a list says of all that is listed, if anything."""
    if not lead:
        return None
    if _CLEAR_USE.search(lead) or _OWN.search(lead):
        return "uses" if not _is_denied(lead) and not _OTHERS.search(lead) else "mentions"
    if _EXAMPLES.search(lead) or _is_denied(lead) or _ONLY_SPOKEN_OF.search(lead):
        return "mentions"
    return "uses" if _USE.search(lead) or _USE_OF.search(lead) else None


def _is_denied(before: str) -> bool:
    """Whether the words before a name deny its use; "unlike others, we use" denies the others'."""
    if not _DENIED.search(before):
        return False
    rest = _UNLIKE.sub("", before, count=1)
    return bool(_DENIED.search(rest)) or not _CLEAR_USE.search(rest)


def _of_others(place: Place) -> bool:
    """Whether a place is in a section that speaks of others' work, or in a part of one."""
    for nth, (level, words) in enumerate(place.sections):
        if level == 1 and _TITLE_OF_OTHERS.search(words):
            return True
        if level > 1 and nth and _PART_OF_OTHERS.search(words):
            return True
    heading = place.heading
    if heading is None:
        return False
    if _SECTION_OF_OTHERS.search(heading):
        return True
    return bool(_SECTION_OF_WORKS.search(heading)) and not _SECTION_OF_DATA.search(heading)
