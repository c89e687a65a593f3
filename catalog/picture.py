"""An image as people look at it: a PNG file or a DICOM instance as eight bits, its boxes drawn.

Pillow and pydicom are extras and imported where they are used. The bytes are strangers' bytes:
nothing is decoded before its size is known, and whatever is wrong is an `InputError` of one line.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schemas.errors import CxrcatError, InputError, UsageError
from . import dicom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from .boxes import BoxRow

LARGEST_FILE = 1 << 28  # bytes
MOST_PIXELS = 1 << 26  # 8192 × 8192

_PNG = b"\x89PNG\r\n\x1a\n"
_COLOURS = ("#ffb000", "#4cc9f0", "#f72585", "#80ed99")  # told apart by all eyes, on grey
_LINE, _TEXT = 1 / 400, 1 / 45  # width of a line, height of a label: shares of the picture's


def render(path: Path, place: str) -> Image:
    """Return a PNG or DICOM file as a grey or colour picture of 8 bits a channel.

    A DICOM instance is shown as it asks to be: its modality and value-of-interest tables applied,
    MONOCHROME1 inverted. Of several frames the first is shown; what is transparent is black.
    `place` names the file in messages. Raises `InputError` for whatever is no such picture, and
    `UsageError` when a library is missing.
    """
    try:
        import PIL.Image as _  # noqa: F401 - a package that is found may still not load
    except ImportError as error:
        raise UsageError("pictures need more packages: pip install 'cxrcat[dicom]'") from error
    with path.open("rb") as stream:
        head = stream.read(132)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{place}: has {size:,} bytes, which is more than any image is drawn from")
    if head.startswith(_PNG):
        return _png(path, place)
    if head[128:] == b"DICM":
        return _dicom(path, place)
    raise InputError(f"{place}: is neither a PNG nor a DICOM file")


def draw(
    image: Image, boxes: Sequence[BoxRow], frame: tuple[int, int], labels: Mapping[str, str]
) -> Image:
    """Return the picture with its boxes, whose coordinates are pixels of `frame`."""
    from PIL import ImageDraw, ImageFont

    if not boxes:
        return image
    image = image.convert("RGB")
    across, down = image.width / frame[0], image.height / frame[1]
    line = max(1, round(image.width * _LINE))
    font = ImageFont.load_default(max(10.0, image.height * _TEXT))
    pen = ImageDraw.Draw(image)
    for number, box in enumerate(boxes):
        colour = _COLOURS[number % len(_COLOURS)]
        left, top = box.x * across, box.y * down
        right, bottom = left + box.width * across, top + box.height * down
        pen.rectangle((left, top, right, bottom), outline=colour, width=line)
        label = labels.get(box.finding, box.finding)
        extent = pen.textbbox((0, 0), label, font=font)
        height = extent[3] + 2 * line
        place = (left, top - height if top >= height else top)
        pen.rectangle((*place, left + extent[2] + 2 * line, place[1] + height), fill=colour)
        pen.text((place[0] + line, place[1] + line), label, fill="black", font=font)
    return image


def encode(image: Image, facts: Mapping[str, str]) -> bytes:
    """Return the picture as a PNG file with texts in it."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in facts.items():
        info.add_itxt(name, text)
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


@contextmanager
def _plain_errors(place: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an `InputError`; it may raise anything."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CxrcatError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:160]
        raise InputError(f"{place}: cannot be decoded ({type(error).__name__}: {text})") from error


def _check_size(width: int, height: int, place: str) -> None:
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise InputError(
            f"{place}: says it is {width:,} × {height:,} pixels; at most {MOST_PIXELS:,} are drawn"
        )


def _png(path: Path, place: str) -> Image:
    from PIL import Image

    with _plain_errors(place), Image.open(path, formats=["PNG"]) as image:
        _check_size(*image.size, place)
        image.load()
        if image.mode.startswith("I"):  # 16 bits
            return _of_array(_numbers(image), 0, 65_535)
        if image.mode in ("1", "L"):
            return image.convert("L")
        over = Image.new("RGBA", image.size, "black")
        return Image.alpha_composite(over, image.convert("RGBA")).convert("RGB")


def _dicom(path: Path, place: str) -> Image:
    from PIL import Image

    data = dicom.read(path, place)
    with _plain_errors(place):
        import numpy as np
        from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
        from pydicom.pixels.utils import pixel_array

        _check_size(int(data.Columns), int(data.Rows), place)
        pixels = pixel_array(data, index=0)
        if pixels.ndim == 3 and pixels.dtype == np.uint8:
            return Image.fromarray(pixels).convert("RGB")
        if pixels.ndim != 2:
            raise InputError(f"{place}: is no picture of one grey or three colour values a pixel")
        with np.errstate(all="ignore"):
            plain = data.BitsStored <= 8 and data.PixelRepresentation == 0
            shown = apply_voi_lut(apply_modality_lut(pixels, data), data)
            if "VOILUTSequence" not in data and "WindowCenter" in data:
                # What is beyond the window tells which values are black and white.
                low, high = apply_voi_lut(np.array([-(1 << 30), 1 << 30]), data)
            elif plain and shown is pixels:
                low, high = 0, (1 << data.BitsStored) - 1
            else:
                low, high = shown.min(), shown.max()
            return _of_array(shown, low, high, data.PhotometricInterpretation == "MONOCHROME1")


def _numbers(image: Image) -> NDArray[Any]:
    import numpy as np

    return np.asarray(image)


def _of_array(pixels: NDArray[Any], low: float, high: float, inverse: bool = False) -> Image:
    """Return numbers as a grey picture in which `low` is black and `high` white."""
    import numpy as np
    from PIL import Image

    scale = 255.0 / max(float(high) - float(low), 1e-9)
    grey = np.clip(np.nan_to_num((pixels.astype(np.float32) - low) * scale), 0, 255)
    grey = np.rint(255 - grey if inverse else grey).astype(np.uint8)
    return Image.fromarray(grey)
