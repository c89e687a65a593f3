"""Whether the words around a party's name credit it as the one whose data these are.

The words are those in which people credit anybody, in the languages in which they write papers;
which party, and by which names, is data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .sentences import HEADS_SOURCE, HEADS_THANKS, heading_of, in_column, sentence_of

_I = re.IGNORECASE
_NEAR = 240  # characters before a sentence that say what it is about

_THANKS = re.compile(
    r"\b(acknowledg\w*|thank(s|ed|ing|ful)?|grateful\w*|gratitude|credit(s|ed)?|courtesy|"
    r"appreciat\w+|indebted|danken|dank|dankbar|bedanken|remerci\w+|reconnaiss\w+|agradec\w+|"
    r"gracias|reconoc\w+|reconhec\w+|cr[ée]ditos?|ringrazi\w+|cortes[ií]a|благодар\w+)\b|感谢|致谢|"
    r"鸣谢|謝辞|感謝|감사",
    _I,
)
_GIVES = (
    r"provid\w*|releas\w*|publish\w*|publicly|open(ed|ly)|shar(ed|es|ing)|made|mak(es|ing)|"
    r"collect\w*|"
    r"creat\w+|curat\w+|compil\w+|suppl(y|ies|ied|ying)|contribut\w+|distribut\w+|host(ed|s|ing)?|"
    r"donat\w+|offer(ed|s)?|issu(ed|es)|develop(ed|s)|produc(ed|es)|maintain\w*|assembl\w+|"
    r"acquir\w+|"
    r"gather\w*|obtain\w*|sourc(ed|es|ing)|download\w*|extract\w+|originat\w+|com(es?|ing)|came|"
    r"stems?|"
    r"taken|drawn|draws|retriev\w+|deriv(ed|es)|available|accessed|access|given|owned|hail\w*|"
    r"prepared|built|introduced|presented|constructed|annotated|labell?ed|built|generated|"
    r"bereitgestellt\w*|verfügung|veröffentlicht\w*|herausgegeben|stamm\w+|fourni\w*|publi[ée]\w*|"
    r"disposition|provien\w+|provenant|issue?s?|diffus[ée]\w*|proporcionad\w+|publicad\w+|"
    r"liberad\w+|"
    r"proced\w+|facilitad\w+|disponibilizad\w+|fornecid\w+|proven\w+|divulgad\w+|fornit\w+|"
    r"rilasciat\w+|"
    r"предоставлен\w*|опубликован\w*"
)
_LINK = (
    r"by|from|at|through|via|of|on behalf of|thanks to|von|vom|durch|par|por|pela|pelo|de|du|des|"
    r"del|da|"
    r"do|dos|dal|dalla|aus|od"
)
_GIVEN_BY = re.compile(
    rf"\b({_GIVES})\b[^.;:!?]{{0,90}}?\b({_LINK})\b\s*(?:[^.;:!?]{{0,70}})$|(предоставлен|"
    rf"опубликован)\w*[^.;]{{0,40}}$",
    _I,
)
_EAST_BEFORE = re.compile(r"(由|来自|來自|出自|源自|取自|感谢|によって|が提供)[^。；]{0,20}$")
_EAST_AFTER = re.compile(
    r"^[^。；]{0,24}(提供|发布|發布|公开|公開|收集|制作|整理|释出|が|による|に帰属|에서 제공|제공)"
)
_GIVER = re.compile(
    r"^\W{0,4}(\([^()]{0,40}\)\W{0,3})?(?:\[[^\]]*\]\W{0,3})?"
    r"(?:(?:has|have|had|who|which|that|recently|publicly|kindly|generously|freely|also|originally|"
    r"first|openly|then|in \d{4}|hat|haben|a|ha|, in \d{4},)\W+){0,4}"
    r"(?:(?:provid|releas|publish|shar(?:ed|es|ing)|host|suppli|contribut|distribut|collect|compil|"
    r"made|makes|making|opened|curat|creat|issued|donat|offer|stell|veröffentlich|fourni|publi|"
    r"propor|"
    r"disponibiliz|liber)\w*|(?:is|was|as|being) (?:the |an? )?[^.;]{0,40}(?:provider|source|owner|"
    r"publisher|origin|creator|custodian|data holder)s?)\b",
    _I,
)
_AS_SOURCE = re.compile(
    r"^[^.;]{0,24}\b(as|being|als|comme|como)\s+(?:the |its |our |an? |der |die |le |la |el |o )?"
    r"[^.;]{0,40}?(provider|source|owner|origin|publisher|creator|custodian|anbieter|quelle|"
    r"fournisseur|"
    r"proveedor|fonte|fuente|provedor|supplier)\b(?! of (?:this|the) (?:software|code|program))",
    _I,
)
_OF_DATA = re.compile(
    r"\b(data|datasets?|data ?sets?|databases?|images|x-?rays?|radiographs?|films|scans|"
    r"collection|corpus|"
    r"release|archive|cohort|CXRs?|daten\w*|datensatz|bilder|données|jeu de données|"
    r"base de données|"
    r"datos|conjunto|dados|imagens|imágenes|base)\s+(?:\([^()]{0,60}\)\s*)?(?:\S+\s+){0,4}?"
    r"(from|of|by|at|released by|von|vom|des|der|du|de|del|do|da|aus)\s+(?:the\s+|an?\s+|los\s+|"
    r"les\s+|las\s+)?"
    r"(?:U\.?S\.?A?\.?\s+)?[\[(*_\"'`]*$",
    _I,
)
_ITS_DATA = re.compile(
    r"^\s*(?:['’]s?)?\s*[\[*_]*(?:\S+\s+){0,3}?[\[*_]*(?:chest\w*|thora\w+|cxr\w*|x-?rays?|"
    r"radiograph\w*|public|open|data(?:sets?|base)?|images|collection|release)\b"
    r"(?:[^.;]{0,30}?\b(data|datasets?|data ?sets?|database|images|collection|release|x-?rays|"
    r"radiographs|repository|host)\b|(?<=data)|(?<=dataset)|(?<=database)|(?<=images)|"
    r"(?<=collection)|(?<=release))",
    _I,
)
_DATA = re.compile(
    r"\b(data|datasets?|data ?sets?|databases?|images?|imaging|x-?rays?|radiograph\w*|films?|"
    r"scans?|cxrs?|"
    r"collection|corpus|cohort|archives?|labels?|annotations?|daten\w*|datensatz\w*|datensätze|"
    r"bilder|"
    r"röntgen\w*|données|images|radiographies|datos|conjuntos?|imágenes|radiografías|dados|imagens|"
    r"radiografias|dati|immagini|набор\w*|данны\w+|снимк\w+|снимок\w*|ray\d+|cxr\d+)\b|数据|影像|データ|"
    r"画像|胸片|데이터",
    _I,
)
_LABEL = re.compile(
    r"(?:^|[\n|>{,(;]|[-*+•]\s|\d[.)]\s)[\s\"'*_`>|-]*(?:(?:original|data|dataset|image|images|"
    r"official|primary)[\s_-]*)*"
    r"(?:sources?|sourced|providers?|provenance|origin|courtesy|credits?|acknowledge?ments?|thanks|"
    r"publishers?|owners?|creators?|curator|maintainers?|attributions?|author|institution|"
    r"organi[sz]ation|(?:rights|copyright|data)[\s_-]*holder|"
    r"(?:provided|published|released|hosted|collected|curated|created)[\s_-]*(?:by|at)|"
    r"quelle|datenquelle|herausgeber|source des données|fuente|proveedor|fonte|origem|créditos|"
    r"fornecedor|来源|提供者|提供方|提供元|数据来源|出典|机构|发布机构|출처)"
    r"(?:[\s_-]*(?:of|for|\()[^:\n|]{0,30})?[\"'*_`)\s]*[:：|=→–—-]+[\s\"'*_`\[|"
    r"]*(?:the\s+)?(?:\S+\s+){0,3}[\s\"'*_`\[(]*$",
    _I,
)
# Labels of facts that a list of people has too: they count only for what is said of data.
_PERSONAL = re.compile(r"\b(author|institution|organi[sz]ation|creator|maintainer|机构)\w*\b", _I)

# The data's name, and directly after it in brackets or behind a dash who gave them.
_NAMED_WITH = re.compile(
    r"(?:\b(?:data|datasets?|data ?sets?|database|images|radiographs|collection|corpus)|"
    r"x-?rays?(?:[-\s]?\d+)?|cxrs?(?:[-\s]?\d+)?)[\]*_`\"'’\s]*(?:[(（]|\s[–—-]\s)\s*[\[*_]*"
    r"(?:[^()\n;]{0,40}[,;]\s*)?(?:(?:by|from|of)\s+)?(?:the\s+)?[\[*_]*$",
    _I,
)
_NAMED_WITH_ENDS = re.compile(r"^[\]*_\s]*(?:[)）,;:|.]|\s[–—-]|\n|$)")

_NOT = re.compile(
    r"\b(not|never|nor|neither|cannot|unlike|instead of|rather than|excluding|except|no (?:data|"
    r"images?)|"
    r"none|independent(?:ly)? of|kein\w*|nicht|pas|aucune?|sin|não|nao|nunca|sem|non)\b|n['’]t\b|"
    r"不是|没有|未使用|而非",
    _I,
)
_WITHOUT = re.compile(r"\b(without|ohne|sans)\b", _I)
_IMPOSSIBLE = re.compile(r"\b(possible|could|would|able|möglich)\b", _I)
_FUNDS = re.compile(
    r"\b(fund(s|ed|ing)?|grants?|intramural|financ\w+|sponsor\w*|fellowship|salary|"
    r"supported (in part )?by|"
    r"award(s|ed)?|contract)\b",
    _I,
)
_SOFTWARE = re.compile(r"\b(software|source code|programs?)\b", _I)
_PERSON = re.compile(
    r"\b(discussions?|comments?|feedback|advice|guidance|proof-?reading|mentor\w*|supervis\w+|"
    r"conversations?|hospitality|employees?|affiliat\w+|works? (at|for)|working at|is with|"
    r"are with|"
    r"colleagues?|staff|fellow|visit\w*|internship)\b",
    _I,
)
# What is asked of a party's data, or of the party, is no word about who gave them.
_ASKED = re.compile(r"\b(agreements?|permissions?|approvals?|contact|requests? to)\b", _I)
_AT = re.compile(r"\b(of|at|from|with|in)\s+(the\s+)?$", _I)
_BIDS = re.compile(
    r"\b(must|shall|should|need(s|ed)? to|required? to|requires?|requirements?|have to|has to|"
    r"ask(s|ed)? (you )?to|"
    r"please|be sure to|remember to|obliged|obligated|conditions?|expected to|don['’]t forget|"
    r"want to|"
    r"make sure|müssen|sollen|bitte|veuillez|devez|deben|por favor|devem)\b|请|必须|需要",
    _I,
)
_WE = re.compile(r"\b(we|i|the authors?|wir|nous|je|nosotros|nós|this (?:work|project))\b", _I)
_HAS_THANKED = re.compile(
    r"\b(acknowledges|acknowledged|acknowledging|thanks|credited|thanked)\b", _I
)
_ORDER = re.compile(
    r"(?:^|[.;:,(>]|[-*•]|\d[.)]|\band|\bor)\s*[\"'*_]*(acknowledge|credit|thank)\s*$", _I
)


@dataclass(frozen=True, slots=True)
class Credit:
    """Where the sentence that credits a party stands in the source."""

    start: int
    end: int


def credit(
    source: str, visible: str, start: int, end: int, only: list[re.Pattern[str]]
) -> Credit | None:
    """Return the sentence when it credits the party that stands at `start` to `end` in `source`.

    `visible` is the same text with its markup, in which headings are seen. `only`, when there are
    any, are the only words that count.
    """
    low, high = sentence_of(source, start, end)
    before, after = source[low:start], source[end:high]
    sentence = source[low:high]
    found = Credit(low, high)
    if only:
        denied = _NOT.search(before)
        return found if any(each.search(sentence) for each in only) and not denied else None
    heading = heading_of(source, visible, low)
    about_data = bool(_DATA.search(before) or _DATA.search(after))
    if _denied(before) or (_FUNDS.search(sentence) and not _gives(before, after)):
        return None
    if not about_data and _of_software(source, low, high):
        return None
    thanks = _THANKS.search(before) or _THANKS.search(after[:160])
    if thanks is not None and _thanked(before, after, about_data):
        return found
    if _AS_SOURCE.search(after):
        return found
    if _NAMED_WITH.search(before) and _NAMED_WITH_ENDS.match(after):
        return found
    label = _LABEL.search(source[max(0, start - 160) : start])
    if label is not None and (not _PERSONAL.search(label[0]) or _near_data(source, start)):
        return found
    if about_data or _near_data(source, low):
        if _gives(before, after) and not _bids_only(before, after):
            return found
        if _OF_DATA.search(before) or _ITS_DATA.search(after):
            return found
        if _EAST_BEFORE.search(before) or _EAST_AFTER.search(after):
            return found
    if in_column(visible, start):
        return found
    if heading is not None and not any(each.search(sentence) for each in (_FUNDS, _PERSON, _ASKED)):
        thanked = HEADS_THANKS.search(heading) or (HEADS_SOURCE.search(heading) and about_data)
        if thanked or (HEADS_SOURCE.search(heading) and len(sentence) < 160):
            return found if not _bids_only(before, after) else None
    return None


def _gives(before: str, after: str) -> bool:
    return bool(_GIVEN_BY.search(before) or _GIVER.search(after))


def _thanked(before: str, after: str, about_data: bool) -> bool:
    """Whether thanks are meant for the party: no order to thank it, nor for a person there."""
    if _bids_only(before, after):
        return False
    around = before[-120:] + " " + after
    if _PERSON.search(around) and not about_data:
        return False
    if _AT.search(before) and not re.search(r"\bcourtesy\s+of\s+(the\s+)?$", before, _I):
        return about_data
    return True


def _bids_only(before: str, after: str) -> bool:
    """Whether the sentence only tells others to credit the party, without saying for what."""
    if _AS_SOURCE.search(after):
        return False
    thanks = _THANKS.search(before)
    if thanks is None:
        return False
    if _HAS_THANKED.fullmatch(thanks[0]):
        return False
    led = before[: thanks.start()]
    if _BIDS.search(led) and not re.search(r"\b(we|i) (should|would) like\b", led, _I):
        return not _WE.search(led[-40:])
    return bool(_ORDER.search(before[: thanks.end()]) and not _WE.search(led))


def _denied(before: str) -> bool:
    clause = re.split(
        r"[;]|,\s*(?:but|yet|whereas|while)\b|\bbut\b|\baber\b|\bmais\b|\bpero\b", before
    )[-1]
    if _NOT.search(clause):
        return not _WITHOUT.search(clause)
    return bool(_WITHOUT.search(clause)) and not _IMPOSSIBLE.search(clause)


def _of_software(source: str, low: int, high: int) -> bool:
    """Whether a sentence credits the makers of a program, and no data are spoken of."""
    near = source[max(0, low - _NEAR) : high]
    return _SOFTWARE.search(near) is not None and not _near_data(source, low)


def _near_data(source: str, at: int) -> bool:
    return bool(_DATA.search(source[max(0, at - _NEAR) : at]))
