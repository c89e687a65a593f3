"""Tell OpenLineage of exports and uses: one event each, by its own Python client.

An event that cannot be told is one warning and nothing more: what was recorded stays recorded.
https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .settings import OPENLINEAGE_VARIABLE, Settings

if TYPE_CHECKING:
    from ..schemas.manifest import Provenance
    from .slices import SliceFacts
    from .uses import Facts

_NAMESPACE = "cxrcat"
_PATIENCE = 5.0  # seconds for an answer
_LONGEST = 300  # characters of a reason
_LOGGERS = ("openlineage", "urllib3", "httpx")

_log = logging.getLogger("cxrcat")


def is_wanted(settings: Settings, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether events are asked for, by our variable or by the client's own settings.

    Its ``openlineage.yml`` in the working folder does not ask for them: that could be anybody's.
    """
    if environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if settings.openlineage or environ.get("OPENLINEAGE_URL") or environ.get("OPENLINEAGE_CONFIG"):
        return True
    if any(name.startswith("OPENLINEAGE__TRANSPORT") for name in environ):
        return True
    return Path("~/.openlineage/openlineage.yml").expanduser().is_file()


def tell_export(settings: Settings, manifest: Provenance, place: str) -> None:
    """Tell of an export that stands at its place."""
    if not is_wanted(settings):
        return

    def event() -> Any:
        from .slices import SliceFacts

        cut = SliceFacts.of_manifest(manifest, place, manifest.export.host)
        words = _Words()
        folder = words.output(*_named(place, cut.host))
        folder.facets = words.slice(cut, [duty.text for duty in manifest.duties])
        folder.outputFacets = words.size(cut.images, manifest.images.size, manifest.images.files)
        inputs = [words.release(cut), words.subset(cut)]
        for read in manifest.subset.reads:
            if read.kind in ("labels", "split"):
                each = words.input(_NAMESPACE, f"{cut.dataset}/labels/{read.name}")
                each.facets = words.version(read.checksum) if read.checksum else {}
                inputs.append(each)
        name = f"export {cut.dataset}/{cut.subset}"
        at = manifest.export.at.isoformat()
        return words.event(manifest.export.id, name, at, None, inputs, [folder])

    _tell(settings, event)


def tell_use(settings: Settings, cut: SliceFacts, facts: Facts, key: str) -> None:
    """Tell of a use, and of what it made, under the use's id."""
    if not is_wanted(settings):
        return

    def event() -> Any:
        words = _Words()
        if cut.folder is None:
            source = words.subset(cut)
        else:
            source = words.input(*_named(cut.folder, cut.host))
            source.facets = words.slice(cut, [])
        outputs = []
        for each in facts.artifacts:
            made = words.output(*_named(each.place, facts.host))
            made.facets = words.version(each.checksum) if each.checksum else {}
            made.outputFacets = words.size(None, each.size, each.files)
            outputs.append(made)
        name = f"{facts.kind} {facts.project}"
        event = words.event(key, name, facts.at.isoformat(), facts.failure, [source], outputs)
        if facts.started is not None:
            event.run.facets |= words.times(facts.started.isoformat(), facts.at.isoformat())
        return event

    _tell(settings, event)


def _tell(settings: Settings, make: Callable[[], Any]) -> None:
    reasons: list[str] = []
    try:
        with _listened(reasons):
            client = _client(settings)
            client.emit(make())
            client.close(_PATIENCE)
    except ImportError as error:
        reasons[:] = [f"{error.name} is not installed; pip install 'cxrcat[openlineage]'"]
    except Exception as error:
        reasons.append(_reason(error))
    if reasons:
        _log.warning("OpenLineage was not told: %s", reasons[-1])


def _client(settings: Settings) -> Any:
    from openlineage.client import OpenLineageClient

    if not settings.openlineage:
        return OpenLineageClient()
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    if not settings.openlineage.startswith(("http://", "https://")):
        if "://" in settings.openlineage:
            raise ValueError(f"{OPENLINEAGE_VARIABLE} is neither a file nor an http URL")
        path = str(Path(settings.openlineage).absolute())
        return OpenLineageClient(transport=FileTransport(FileConfig(path, append=True)))
    parts = urlsplit(settings.openlineage)
    asked: dict[str, Any] = {
        "url": f"{parts.scheme}://{parts.netloc}",
        "timeout": _PATIENCE,
        "retry": {"total": 1, "connect": 1, "read": 1},
    }
    if parts.path.strip("/"):
        asked["endpoint"] = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    if key := os.environ.get("OPENLINEAGE_API_KEY"):
        asked["auth"] = {"type": "api_key", "apiKey": key}
    return OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(asked)))


class _Words:
    """The classes of OpenLineage's client, imported when something is told."""

    def __init__(self) -> None:
        from openlineage.client import event_v2, facet_v2

        self._events, self._facets = event_v2, facet_v2
        self._producer = f"urn:cxrcat:{version('cxrcat')}"

    def event(
        self, key: str, name: str, at: str, failure: str | None, inputs: list[Any], made: list[Any]
    ) -> Any:
        state = self._events.RunState
        facets: dict[str, Any] = {}
        if failure is not None:
            kind = self._facets.error_message_run.ErrorMessageRunFacet
            facets["errorMessage"] = kind(failure, "Python", producer=self._producer)
        return self._events.RunEvent(
            eventTime=at,
            producer=self._producer,
            eventType=state.COMPLETE if failure is None else state.FAIL,
            run=self._events.Run(key, facets),
            job=self._events.Job(_NAMESPACE, name),
            inputs=inputs,
            outputs=made,
        )

    def times(self, start: str, end: str) -> dict[str, Any]:
        kind = self._facets.nominal_time_run.NominalTimeRunFacet
        return {"nominalTime": kind(start, end, producer=self._producer)}

    def input(self, namespace: str, name: str) -> Any:
        return self._events.InputDataset(namespace, name)

    def output(self, namespace: str, name: str) -> Any:
        return self._events.OutputDataset(namespace, name)

    def release(self, cut: SliceFacts) -> Any:
        found = self.input(_NAMESPACE, cut.dataset)
        found.facets = self.version(cut.dataset_version)
        return found

    def subset(self, cut: SliceFacts) -> Any:
        found = self.input(_NAMESPACE, f"{cut.dataset}/{cut.subset}")
        found.facets = self.slice(cut, [])
        kind = self._facets.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
        found.inputFacets = {"inputStatistics": kind(cut.images, producer=self._producer)}
        return found

    def version(self, text: str) -> dict[str, Any]:
        kind = self._facets.dataset_version_dataset.DatasetVersionDatasetFacet
        return {"version": kind(text, producer=self._producer)}

    def slice(self, cut: SliceFacts, duties: list[str]) -> dict[str, Any]:
        """Return what a slice is: its version, its question and digest, and what it owes."""
        tags = self._facets.tags_dataset
        said = {
            "cxrcat.dataset": f"{cut.dataset}@{cut.dataset_version}",
            "cxrcat.subset": f"{cut.subset}@{cut.version}",
            "cxrcat.query": cut.query,
            "cxrcat.digest": cut.digest,
            "cxrcat.export": cut.export,
        }
        fields = [
            tags.TagsDatasetFacetFields(key, value, "cxrcat")
            for key, value in said.items()
            if value
        ]
        facets = self.version(cut.export or str(cut.version))
        facets["tags"] = tags.TagsDatasetFacet(fields, producer=self._producer)
        text = " ".join(
            [f"{cut.images:,} images of {cut.patients:,} patients from {cut.homepage}.", *duties]
        )
        kind = self._facets.documentation_dataset.DocumentationDatasetFacet
        facets["documentation"] = kind(text, "text/plain", producer=self._producer)
        return facets

    def size(self, rows: int | None, size: int | None, files: int | None) -> dict[str, Any]:
        kind = self._facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        return {"outputStatistics": kind(rows, size, files, producer=self._producer)}


def _named(place: str, host: str | None) -> tuple[str, str]:
    """Return a place as OpenLineage names datasets: a namespace, and a name in it."""
    if "://" not in place:
        return f"file://{host}", place
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/") or "/"


@contextmanager
def _listened(reasons: list[str]) -> Iterator[None]:
    """Keep what the client logs from the terminal, and note its warnings."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith("openlineage"):
                reasons.append(_clean(record.getMessage()))

    ear = Ear(logging.WARNING)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [each.propagate for each in loggers]
    for each in loggers:
        each.addHandler(ear)
        each.propagate = False
    try:
        yield
    finally:
        for each, propagated in zip(loggers, before, strict=True):
            each.removeHandler(ear)
            each.propagate = propagated


def _reason(error: Exception) -> str:
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"the server answered {answer.status_code}"
    return _clean(f"{type(error).__name__}: {error}")


def _clean(text: str) -> str:
    """Return a text as one line, without what may be secret in a URL."""
    line = re.sub(r"//[^/@\s]*@", "//…@", " ".join(text.split()))
    line = re.sub(r"\?[^\s)'\"]*", "?…", line)
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
