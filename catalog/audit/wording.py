"""The words by which people say that they use data, or that they only speak of them.

They are those in which anybody writes of any dataset, in the languages in which such texts are
written; what they decide is in `strength`.
"""

from __future__ import annotations

import re

_I = re.IGNORECASE

USE = re.compile(
    r"\b(trained|training|train|re-?train\w*|fine-?tun\w*|pre-?train\w*|evaluat\w*|tested|"
    r"testing|validat\w*|"
    r"uses?|(?<!widely )(?<!commonly )(?<!often )(?<!frequently )used|using|usage|utili[sz]\w*|"
    r"experiments?|download\w*|employ\w*|adopt\w*|subset|"
    r"load(ed|s|ing|er)?|based on|built (on|with|from)|"
    r"preprocess\w*|our (data|dataset)|"
    r"split\w*|reproduc\w*|implement\w*|appl(y|ied)|run on|"
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
USE_OF = re.compile(
    r"\b(sampl\w*|extract(ed|s)?|obtain\w*|classif\w+|detect\w*|predict\w*|process(ed|es)?|"
    r"(images?|labels|radiographs|x-rays|films|annotations|scans|patients|part|portion|half|all) "
    r"(from|of|in)|radiographs? from|x-?rays from|perform\w*|requires?|needs?|expects?|"
    r"select(ed)?|consist\w*|compris\w*|(on|from|with|of) the following|"
    r"(drawn|taken|cut|made|come|comes|came) (out )?(from|of)|analysis of|work(s|ed)? (on|with)|"
    r"transfer\w* (between|from|to)|"
    r"(achiev\w*|attain\w*|reach\w*|scor\w*|AU(RO)?C|accuracy|F1|results?)\b(?:[^.;]|\.\d){0,80}\bon)\b|"
    r"\b\d[\d,]+\+?\s+$|"
    r"\b(generate|create|build|make|fetch|get)\s+(the\s+)?[\[*_`\"']*$|"
    r"\b(we|i)\b[\w\s]{0,12}\b(introduc|present|releas|publish|creat|generat|buil|curat|provid)\w*"
    r"\s+(?:\w+\s+){0,3}[\[*_`\"']*$",
    _I,
)
DONE_TO_IT = re.compile(
    r"^[^.,;:]{0,16}\b(was|were|is|are) (\w+ly )?"
    r"(sampled|extracted|obtained|classified|processed|selected|drawn|taken)\b",
    _I,
)
# What code does with what its comments name.
HANDLES = re.compile(
    r"\b(map(s|ped|ping)?|convert\w*|pars(es?|ed|ing)|merg(es?|ed|ing)|combin\w*|filter\w*|"
    r"reads?|reading|writes?|saves?|builds?|makes?|clean(s|ed|ing)?|organi[sz]\w*|harmoni[sz]\w*|"
    r"unif(y|ies|ied)|relabel\w*|augment\w*|resiz\w*|crops?|index\w*|generat\w*|creat\w*)\b",
    _I,
)
ONLY_SPOKEN_OF = re.compile(
    r"\b(unlike|in contrast (to|with)|contrary to|rather than|instead of|not (be )?(use[ds]?|"
    r"using|trained|"
    r"included?|evaluated|part)|(do|did|does|have|has|was|were|is|are|will) not|don['’]t|"
    r"didn['’]t|never|without|"
    r"other (public\w* )?(available )?datasets|related (work|datasets)|future work|"
    r"in (the )?future|plan(s|ned)? to|planned|"
    r"could|might|may be|would|larger than|smaller than|bigger than|similar to|such as|e\.g\.|"
    r"for example|defined (in|by)|recommended (for|to)|suitable for|suited (for|to)|intended for|"
    r"for instance|including|like|previous(ly)?|prior (work|studies)|earlier work|[Ww]ell[- ]known|"
    r"introduced by|proposed by|no images? (from|of)|compared (to|with)|comparable (to|with)|"
    r"see also|"
    r"nicht|kein\w*|anders als|im gegensatz|contrairement|a diferencia|ao contrário|в отличие|"
    r"perspectives|trabalhos? futuros?|trabajos? futuros?|ausblick|künftig\w*|"
    r"zum beispiel|beispielsweise|tel(le)?s? que|par exemple|tales como|por ejemplo|tais como|"
    r"por exemplo|ad esempio|например|такие как|gibi|örneğin|nh[uư]|chẳng hạn|ví dụ)\b|"
    r"不同于|未使用|没有使用|例如|比如|诸如|たとえば|예를 들어",
    _I,
)
# Directly before a name of what could be used, and is not said to be.
COMPATIBLE = re.compile(
    r"\bcompatib\w*\s+(?:with|for|to)\b\s*:?\s*(?:[\w-]+\W+){0,6}$|兼容[^。；\n]{0,16}$", _I
)
# The words in which a README opens on its own work: "A small study on datasets such as …".
OWN_OPENING = re.compile(
    r"^[\s>*_#]*(?:a|an|the|my|our)\s+(?:[\w-]+\s+){0,6}(project|study|experiment|thesis|notebook)\b",
    _I,
)
# Named as one of many: who trains on "datasets such as" it need not have trained on it.
ONE_OF_MANY = re.compile(
    r"\b(such as|like|e\.g\.|including|comme|como|wie)\W+(?:[\w-]+\W+){0,6}$|"
    r"\b(for example|for instance)\b",
    _I,
)
WAS_TRAINED = re.compile(
    r"\b(was|were|is|are|been|being) (\w+ly )?(and \w+ )?"
    r"(trained|fine-?tuned|pre-?trained|evaluated|tested|validated|used)\b",
    _I,
)
USING = re.compile(r"^\W*(using|by using|with) ", _I)
AND_WE = re.compile(
    r",\s*(we|i|our|this|the (proposed |present )?(system|model|project|pipeline|framework|app))\b",
    _I,
)
WE_USE = re.compile(
    r"\b(we|i|our|this (?:repo\w*|project|work|model|code|study|notebook|app|paper|dataset|"
    r"subset|implementation))\b"
    r"[^.;]{0,80}\b(use[ds]?|using|train\w*|evaluat\w*|test(ed)?|fine-?tun\w*|download\w*|"
    r"utili[sz]\w*|validat\w*|"
    r"contain\w*|built|based|appl(y|ied)|extract\w*|sampl\w*|employ\w*|adopt\w*|select\w*)\b",
    _I,
)
CLEAR_USE = re.compile(
    WE_USE.pattern + r"|\b(trained|training|fine-?tun\w+|pre-?trained|evaluated|tested|"
    r"validated)\s+(?:and\s+\w+\s+)?(?:on|with|using|from)\b|"
    r"\bdownload\b|训练|使用|采用",
    _I,
)
# Who speaks of the own work in these words names what it is made with, whatever the verb.
OWN = re.compile(
    r"\b((n?est[ea]|esse|neste|o presente) (projeto|trabalho|repositório|estudo|modelo)|"
    r"(este|el presente) (proyecto|trabajo|repositorio|estudio|modelo)|"
    r"ce (projet|travail|dépôt|modèle)|cette étude|diese[rs]? (projekt|arbeit|repository|modell)|"
    r"questo (progetto|lavoro|modello)|bu (proje|çalışma|model)\w*|"
    r"(этот|данный) проект|эта работа|цей проєкт|ця робота)\b|"
    r"本(项目|專案|研究|文|仓库|プロジェクト)",
    _I,
)
TRAINED = re.compile(r"\W{1,3}(?:pre-?)?trained\b", _I)  # directly after the name
UNLIKE = re.compile(
    r"\b(unlike|in contrast (to|with)|contrary to|instead of|rather than|anders als|"
    r"im gegensatz zu|contrairement à)\b[^,.;:]{1,90},",
    _I,
)
OTHERS = re.compile(
    r"\bet al\b|\bothers\b|"
    r"\b(any|all|every) (other |previous |prior |published )*(works?|methods?|approach\w*)\b|"
    r"\b(they|their|authors of|the researchers|previous|prior|earlier|several studies|"
    r"many works)\b",
    _I,
)
# What introduces a list of examples.
EXAMPLES = re.compile(
    r"\b(you (can|could|may|might) (also )?(test|try)|"
    r"(here|there) (is|are) (a few|some|several|many|other)|"
    r"(some|several|many|a few|various|popular|common|commonly used|widely used|other|"
    r"well[- ]known|existing|notable) (\w+[\s-]+){0,4}(datasets?|databases|benchmarks|"
    r"resources|collections)|examples? (of|are|include)|for (example|instance)|candidates?|options|"
    r"suggest\w*|recommend\w*|could|might|consider|where to (find|get) (one|some|films?|images?)|"
    r"(can|could|may) (test|try) with)\b",
    _I,
)
DENIED = re.compile(
    r"\b(unlike|instead of|rather than|(do|did|does|was|were|is|are|have|has|will) not|cannot|"
    r"don['’]t|didn['’]t|"
    r"doesn['’]t|never|neither|(?<!possible )without|not (?:use|train|includ|evaluat)\w*|"
    r"no images?|kein\w*|nicht|anders als|contrairement|a diferencia|"
    r"ao contrário|plan to|next steps|priorities|future|could be|might|"
    r"would(?! like| not (?:have )?be))\b|\brecommended:|"
    r"不同于|未使用|没有使用",
    _I,
)
# After a name such words deny what follows them: "X rather than ImageNet".
DENIED_AFTER = re.compile(
    r"\b((do|did|does|was|were|is|are|have|has|will) not|cannot|don['’]t|didn['’]t|doesn['’]t|"
    r"never|not (?:use|train|includ|evaluat)\w*|kein\w*|nicht|plan to|future|could be|might|"
    r"would(?! like| not (?:have )?be))\b|未使用|没有使用",
    _I,
)
SECTION_OF_DATA = re.compile(
    r"\b(data|datasets?|database|download\w*|usage|set-?up|getting started|install\w*|training|"
    r"experiments?|"
    r"requirements|prepar\w+|datensatz|daten|données|datos|dados|dati)\b|数据",
    _I,
)
# Headings of what could be taken: "Recommended datasets", "Data sources (suggested)".
SUGGESTED = (
    r"\b(recommended|suggested|candidate|possible|potential) (\w+ ){0,2}"
    r"(data|data ?sets?|sources?)\b|\((recommended|suggested|optional|ideas)\)"
)
SECTION_OF_OTHERS = re.compile(
    r"\b(related|other|awesome|future|further reading|see also|comparison|state of the art|todo|"
    r"review of|survey|list of|roadmap|next steps|optional)\b|" + SUGGESTED,
    _I,
)
# Headings of what is wrong with data in general.
SECTION_OF_FAULTS = re.compile(r"\b(bias(es)?|challenges?|pitfalls?)\b", _I)
# Headings of works, unless they are of data too: "Paper and data", "Background of the dataset".
SECTION_OF_WORKS = re.compile(
    r"\b(background|references|bibliograph\w*|literature|papers?|literatur|"
    r"literaturverzeichnis)\b",
    _I,
)
# Headings under which all sections, whatever they are called, speak of others' work.
PART_OF_OTHERS = re.compile(
    r"\b(related|literature|(prior|previous|earlier|existing) (work|research|studies|approaches)|"
    r"state of the art|survey|further reading|future|see also|roadmap|todo|references|next steps|"
    r"bibliograph\w*|(review|list) of)\b|" + SUGGESTED,
    _I,
)
TITLE_OF_OTHERS = re.compile(
    r"^[\W_]*((public(ly)?|open|free|available|useful|medical|biomedical|health\w*|imaging|image|"
    r"radiology|chest|x-?rays?|cxr|radiograph\w*)[\s-]+)+"
    r"(datasets|databases|data ?sets|resources)[\W_]*$|"
    r"\b(paper (reading|summary|notes?|review)|reading notes?|(summary|review|list|overview) of|"
    r"survey|awesome|journal club)\b|论文(笔记|阅读|解读|速读|精读|导读)",
    _I,
)
COMMENT = re.compile(r"^\s*(#|//|\*|/\*|%|--|;|\"\"\"|''')")
# A comment that opens with a name says what the code below it is for; one that tells of the named
# is a sentence.
OPENS_COMMENT = re.compile(
    r"^\s*(?:[#/*%;!-]+|r?\"\"\"|r?''')[\s#=*%\[\]-]*(?:the\s+|an?\s+)?$", _I
)
# The words of an item in a list of things: of courses, papers, people, models.
DESCRIBES = re.compile(
    r"\b(description|desc|title|summary|overview|content|abstract|bio)[\"']?\s*:\s*[fr]?[\"'`]"
    r"(?:\W*[\w%.]+){3}",
    _I,
)
JOINED = re.compile(r"[\"'`]\s*\n\s*[fr]?[\"'`]")  # between the parts of one string
KEYWORDS = re.compile(r"\b\w*(?:keyword|lexicon|vocabulary|synonym)\w*\b[^=\n]*=\s*[\[{(]", _I)
LIST_OF_KEYWORDS = 800  # characters above a place in which such a list may begin
# Before a name that is what its sentence speaks of; an item of a list is no sentence.
SUBJECT = re.compile(
    r"\s*(?![-*+•#|]\s)[*_\"'`(\[]*(?:(?:the|this|an?)\s+)?[*_\"'`(\[]*(?:\w+\s+)?[*_\"'`(\[]*", _I
)
# What stands in a drawing of the own work, or in a list of what is done.
SHOWN = re.compile(r"[│║┃]|^\s*[-*] \[[xX]\] ")
# A model, and in brackets after it what it was trained on.
MODEL_OF = re.compile(
    r"(?:\.(?:pth?|h5|onnx|ckpt|safetensors|keras)|\b\w*(?:model|weights|checkpoint|net)s?[-\d]*)"
    r"[`*\"']*\s*\([^()]{0,20}$",
    _I,
)
# The first cell of a row of results.
HEADS_ROW = re.compile(r"^\s*\|\s*[*_`]*(?:\w+\s)?$")
RESULTS = re.compile(r"\|\s*[*_]*\d*[.,]\d+|\d\s*%")
# Columns of a table that advises: of projects to try, of datasets to choose from.
OF_A_GUIDE = re.compile(
    r"\|\s*(level|difficulty|pros|cons|strengths?|weakness(es)?|best for)\s*(?=\|)", _I
)
DATA_COLUMN = re.compile(r"(the )?(data ?sets?|data|corpus|corpora|cohorts?|benchmarks?)", _I)
# A line that draws a folder, as trees of files do.
DRAWN = re.compile(r"^[\s│├└─┬|`+*-]*[\w.-]*$")
FOLDER = re.compile(r"^[\w.-]*/(?=\s|$)")
# What a project is for, or works on, says its README in its first words.
WORKS_ON = re.compile(r"\b(for|on|of|with|over)\s+(the\s+)?[*_`\"'\[]*(\w+\s+)?[*_`\"'\[]*$", _I)
DOCUMENT = re.compile(r"[\w.-]*\.(?:pdf|md|tex|bib|docx?|html?)\b", _I)  # after it
PATH = re.compile(r"(?:[\\/]|\w\.)[\w.-]*$")  # before a name in a path or an identifier
WORDS = re.compile(
    r"(?:[A-Za-z’'-]{2,}[,;]?\s+|[a-z]\s+){4}$"
)  # of a sentence, before a name in code
TELLS = re.compile(r"\b(is|are|was|were|has|have|had|does|do|can|could|would|may|might|see)\b", _I)
LABELLED = re.compile(
    r"(?:^|\n)\s*[-*|]?\s*[\"'*_`]*(data ?sets?|data|data source|"
    r"training data|images?|radiographs?|"
    r"source|corpus|dataset_name|datasets?_?\w*|trained on|"
    r"datensatz|données|datos|dados|数据集|数据)"
    r"[\"'*_`]*\s*[:=|：]",
    _I,
)
