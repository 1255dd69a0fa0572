"""Owns the decoding of images: their size and a thumbnail. Blocks, so call it in a thread.

What is read is hostile. Its size is known before a pixel is decoded, only the decoder its first
bytes call for may run, and how many pixels may be decoded is bounded.
"""

import io
from typing import BinaryIO

from msgspec import Struct
from PIL import Image, ImageOps

from services.gateway.attachments.kinds import PICTURES
from shared.errors import LinkupError, TooLarge, Unsupported

MAX_SIDE = 10_000  # pixels
THUMBNAIL_SIDE = 320
# Memory is the bound: a progressive JPEG takes some 3 bytes a pixel while it is decoded (scaled
# down, at that), a WebP up to 12. What is larger goes without a thumbnail.
MAX_DECODED = {"image/jpeg": 50_000_000, "image/png": 25_000_000}
MAX_DECODED_ELSE = 12_000_000
LOOKED_UP = ("P", "1")  # modes whose pixels are no brightness yet: they cannot be averaged
HIGH_BYTE = [value >> 8 for value in range(65_536)]
ORIENTATION = 0x0112  # EXIF
TURNED = frozenset({5, 6, 7, 8})


class Picture(Struct, frozen=True):
    """Width and height in pixels, as shown. `thumbnail`: a WebP, if there is one."""

    width: int
    height: int
    thumbnail: bytes | None


def look_at(file: BinaryIO, media_type: str) -> Picture:
    """Raises Unsupported when it is damaged, TooLarge when it has too many pixels."""
    Image.MAX_IMAGE_PIXELS = None  # ours is the stricter bound, and no mere warning
    try:
        with Image.open(file, formats=[PICTURES[media_type]]) as image:
            return _look_at(image, media_type)
    except LinkupError:
        raise
    except Exception as error:
        raise Unsupported("The image is damaged") from error


def _look_at(image: Image.Image, media_type: str) -> Picture:
    width, height = image.size
    if max(width, height) > MAX_SIDE:
        raise TooLarge(f"A side of an image can have at most {MAX_SIDE} pixels")
    turned = image.getexif().get(ORIENTATION) in TURNED
    small = width * height <= MAX_DECODED.get(media_type, MAX_DECODED_ELSE)
    thumbnail = _thumbnail(image) if small else None
    return Picture(*((height, width) if turned else (width, height)), thumbnail)


def _thumbnail(image: Image.Image) -> bytes:
    """Return a small picture without metadata: they would tell where a photo was taken."""
    image = _eight_bits(image)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode in LOOKED_UP or "transparency" in image.info:
        image = image.convert(mode)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    upright = ImageOps.exif_transpose(image)
    written = io.BytesIO()
    upright.convert(mode).save(written, "WEBP", quality=75, exif=b"", icc_profile=b"", xmp=b"")
    return written.getvalue()


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 8 bits. Grey of 16 bits is clipped to white by Pillow's own
    conversion."""
    if not image.mode.startswith("I"):
        return image
    grey = image.convert("I")
    clear = image.info.get("transparency")
    shown = grey.point(HIGH_BYTE, "L")
    if clear is not None:
        shown.putalpha(grey.point([255 * (value != clear) for value in range(65_536)], "L"))
    shown.info.pop("transparency", None)
    return shown
