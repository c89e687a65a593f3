"""README.md of an export: what it is, what it holds, how it is checked and how it is cited."""

from __future__ import annotations

from ...schemas.manifest import FunnelStep, Provenance
from ...schemas.terms import DutyKind
from .attribution import reference_lines
from .bars import bars
from .contents import ALWAYS, SOMETIMES
from .markdown import code, fenced_lines, prose, table
from .wording import acknowledgement_sentences, count, links, size

_SIGNED = {
    "checksums.sha256": "the SHA-256 of each file but these two, as `sha256sum -c` reads it",
    "checksums.sha256.sig": "the Ed25519 signature of checksums.sha256, as `openssl` reads it",
}
_WITH_SIGNATURE = """\
```sh
openssl pkeyutl -verify -pubin -inkey signer.pub.pem -rawin \\
  -in checksums.sha256 -sigfile checksums.sha256.sig
sha256sum -c checksums.sha256
cxrcat verify . --signer signer.pub.pem
```"""
_MODES = {
    "copy": "Each is a copy.",
    "hardlink": "Each is a hard link: a change made here is made at its source too.",
    "rewrite": "Each was copied by the store itself, from bucket to bucket.",
}


def write(manifest: Provenance) -> str:
    """Return README.md."""
    dataset, subset = manifest.dataset, manifest.subset
    about = (
        f"{size(manifest)}: a subset of {prose(dataset.title)}, release "
        f"{prose(dataset.version)}, which has {count(dataset.images, 'image')} of "
        f"{count(dataset.patients, 'patient')}. Data provider: {prose(dataset.provider.name)}."
    )
    blocks = [
        f"# {prose(subset.name)}",
        about,
        *([prose(subset.note)] if subset.note else []),
        _question(manifest),
        *(["## How the number came about", _funnel(subset.funnel)] if subset.funnel else []),
        *_profile(manifest),
        "## What is in this folder",
        _files(manifest),
        "## Images",
        *_images(manifest),
        "## How to check it",
        "```sh\nxxhsum -c checksums.xxh128\ncxrcat verify .\n```",
        "The first finds changed and missing files, the second also those that are too many.",
        *_signature(manifest),
        "## How to cite it",
        *_citations(manifest),
        "## What a use of it owes",
        _duties(manifest),
        "ATTRIBUTION.md has the reason for each and a paragraph that meets them all.",
        f"Made by {manifest.tool.name} {prose(manifest.tool.version)}.",
    ]
    return "\n\n".join(blocks) + "\n"


def _question(manifest: Provenance) -> str:
    dataset, subset = manifest.dataset, manifest.subset
    reads = (f"{each.kind} {prose(each.name)}, by {code(each.word)}" for each in subset.reads)
    rows = [
        ("Subset", f"{code(subset.name)}, version {subset.version}"),
        ("Question as asked", code(subset.query)),
        ("Question in normal form", code(subset.normal)),
        ("What it read", "; ".join(reads) or "nothing but the table of images"),
        ("Dataset", f"{code(dataset.slug)}, release {code(dataset.version)}"),
        ("Checksum of the table", code(dataset.table_checksum)),
        ("Checksum of the members", code(subset.digest)),
    ]
    return table(("", ""), rows)


def _funnel(steps: list[FunnelStep]) -> str:
    rows = [
        (
            code(step.condition),
            f"{step.images_before:,} → {step.images:,}",
            f"{step.patients_before:,} → {step.patients:,}",
        )
        for step in steps
    ]
    return table(("Condition", "Images", "Patients"), rows, numbers=2)


def _profile(manifest: Provenance) -> list[str]:
    profile = manifest.subset.profile
    drawn = bars(profile) if profile else ""
    return ["## What the slice consists of", fenced_lines(drawn)] if drawn else []


def _signature(manifest: Provenance) -> list[str]:
    signer = manifest.export.signer
    if signer is None:
        return []
    about = (
        "The folder is signed. With the public key of whoever signed it, got by a way that you "
        "trust, as `signer.pub.pem`:"
    )
    more = (
        "The first two need nothing of cxrcat; the third also finds files that are too many. The "
        f"SHA-256 of the 32 bytes of that key is {code(signer)}."
    )
    return [about, _WITH_SIGNATURE, more]


def _files(manifest: Provenance) -> str:
    there = {fact.path for fact in manifest.files}
    known = {**ALWAYS, **{path: what for path, what in SOMETIMES.items() if path in there}}
    if manifest.export.signer is not None:
        known |= _SIGNED
    lines = [f"- {code(path)}: {what}" for path, what in known.items()]
    lines += [f"- {code(path)}" for path in sorted(there - set(known))]
    if manifest.images.files:
        lines.append(f"- `images/`: {count(manifest.images.files, 'image')}")
    return "\n".join(lines)


def _images(manifest: Provenance) -> list[str]:
    images = manifest.images
    far = images.brought_from not in (None, "folder")
    origin = f", fetched from the source {code(str(images.brought_from))}" if far else ""
    blocks = []
    if images.mode == "none":
        blocks.append("No image is in this folder.")
    else:
        blocks.append(
            f"{count(images.files, 'image')} ({count(images.size, 'byte')}) "
            f"{'is' if images.files == 1 else 'are'} in `images/`{origin}. {_MODES[images.mode]}"
        )
    if images.taken_over:
        blocks.append(
            f"For {images.taken_over:,} of them, metadata.csv has the CRC32C that the store tells; "
            "their bytes were not read, so checksums.xxh128 does not list them."
        )
    if images.missing:
        blocks.append(
            f"**{count(images.missing, 'image')} of the slice "
            f"{'is' if images.missing == 1 else 'are'} missing here.**"
        )
    if images.uri:
        blocks.append(_address(images.uri, images.source))
        if images.uri.startswith("gs://"):
            blocks.append(
                "Where the owner of a Cloud Storage bucket has requester pays turned on, a "
                "download names a Google Cloud project of yours, which is billed for it."
            )
    return blocks


def _address(uri: str, source: str | None) -> str:
    fields = {
        "{name}": "an image's file name for `{name}`",
        "{stem}": "an image's file name without its suffix for `{stem}`",
    }
    means = [meaning for field, meaning in fields.items() if field in uri]
    whose = f" of the source {code(source)}" if source else ""
    how = f", with {' and '.join(means)}" if means else ""
    return f"The address{whose}, from which the images can be had, is {code(uri)}{how}."


def _citations(manifest: Provenance) -> list[str]:
    works = [f"> {line}" for work in manifest.citations for line in reference_lines(work)]
    more = "The same in other formats: CITATION.cff and `citations/`."
    return [*works, more] if works else ["No work is to be cited; CITATION.cff cites the slice."]


def _duties(manifest: Provenance) -> str:
    lines = [f"- Link: <{link}>" for link in links(manifest)]
    lines += [
        f"- Citation: {prose(duty.text)} (DOI {prose(work.doi)})"
        for duty in manifest.duties
        for work in manifest.citations
        if duty.kind is DutyKind.CITATION and duty.citation == work.id
    ]
    lines += [f"- Acknowledgement: {prose(each)}" for each in acknowledgement_sentences(manifest)]
    return "\n".join(lines)
