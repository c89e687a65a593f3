"""A bag around an export, after BagIt 1.0 (RFC 8493): the export is its payload, in ``data/``.

bag-info.txt carries what the slice owes, so that an archive that reads nothing else shows it. It is
made from the manifest alone, so that a check can make it anew and compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..schemas.manifest import Provenance
from .checksums import sha256_of
from .formats.facts import clean, doi_url
from .formats.wording import acknowledgement_sentences, links, references, size
from .payload import DECLARATION, INFO, MANIFEST, PAYLOAD, TAG_FILES, TAGS

_DECLARED = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def write_bag(folder: Path, manifest: Provenance, write: Callable[[Path, bytes], None]) -> None:
    """Write the tag files around the whole export that is in the payload; `write` writes one."""
    payload = folder / PAYLOAD
    files = sorted(path for path in payload.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    listed = {name: sha256_of(folder / name) for name in sizes}
    write(folder / DECLARATION, _DECLARED.encode())
    write(folder / INFO, info(manifest, len(sizes), sum(sizes.values())).encode())
    write(folder / MANIFEST, _list(listed).encode())
    write(folder / TAGS, tag_list(folder).encode())


def info(manifest: Provenance, files: int, total: int) -> str:
    """Return bag-info.txt for a payload of so many files and bytes.

    Its day is that of the export, in UTC.
    """
    dataset, subset = manifest.dataset, manifest.subset
    about = f"{size(manifest)}: {subset.reference} of {dataset.title}, release {dataset.version}"
    lines = [
        ("Source-Organization", dataset.provider.name),
        ("External-Description", about),
        ("External-Identifier", f"{dataset.slug}@{dataset.version}/{subset.reference}"),
        ("Bagging-Date", manifest.export.at.date().isoformat()),
        ("Bag-Software-Agent", f"{manifest.tool.name} {manifest.tool.version}"),
        ("Payload-Oxum", f"{total}.{files}"),
        ("Terms", f"{dataset.terms.words} ({dataset.terms.url})"),
        *(("Link", link) for link in links(manifest)),
        *(
            ("Citation", f"{references(work)[-1]} {doi_url(work.doi)}")
            for work in manifest.citations
        ),
        *(("Acknowledgement", sentence) for sentence in acknowledgement_sentences(manifest)),
    ]
    return "".join(f"{label}: {clean(value)}\n" for label, value in lines)


def tag_list(folder: Path) -> str:
    """Return the list of the tag files as it must be for what they hold now."""
    return _list({name: sha256_of(folder / name) for name in TAG_FILES})


def changed_tags(folder: Path, present: Mapping[str, int], manifest: Provenance | None) -> set[str]:
    """Return which tag files are not as they were written.

    `present` has the size of each file of the bag, negative for what is no file, and `manifest` is
    None where the export's own cannot be read.
    """
    own = {*TAG_FILES, TAGS}
    changed = {name for name in own & set(present) if present[name] < 0}
    if changed or own - set(present):
        return changed
    text = (folder / TAGS).read_bytes()
    payload = {name: size for name, size in present.items() if name.startswith(f"{PAYLOAD}/")}
    if (folder / DECLARATION).read_bytes() != _DECLARED.encode():
        changed.add(DECLARATION)
    if manifest is not None:
        wanted = info(manifest, len(payload), sum(payload.values())).encode()
        if (folder / INFO).read_bytes() != wanted:
            changed.add(INFO)
        if not _is_listed(folder, MANIFEST, text):
            whole = _list({name: sha256_of(folder / name) for name in payload})
            if (folder / MANIFEST).read_bytes() != whole.encode():
                changed.add(MANIFEST)
    else:
        changed |= {name for name in TAG_FILES if not _is_listed(folder, name, text)}
    if not changed and text != tag_list(folder).encode():
        changed.add(TAGS)
    return changed


def _is_listed(folder: Path, name: str, listed: bytes) -> bool:
    return _list({name: sha256_of(folder / name)}).encode() in listed


def _list(listed: Mapping[str, str]) -> str:
    return "".join(f"{listed[path]}  {_written(path)}\n" for path in sorted(listed))


def _written(path: str) -> str:
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")
