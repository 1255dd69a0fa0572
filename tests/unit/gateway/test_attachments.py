"""Files: their type, their download, the life of their URLs, and the metadata of images."""

import asyncio
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.gateway.attachments import kinds, pictures
from services.gateway.attachments.headers import (
    Unsatisfiable,
    content_headers,
    disposition,
    part_of,
)
from services.gateway.attachments.links import KEPT, Links, SharedLinks, links
from shared.commands import LinkKey, LinkKeyAnswer
from shared.errors import NotFound, TooLarge, Unavailable, Unsupported

# ------------------------------------------------------------------ what it is


def image(form: str, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, "red").save(written, form, **options)
    return written.getvalue()


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        for name in names:
            opened.writestr(name, "x" * 50)
    return written.getvalue()


def box(brand: bytes, *inside: bytes) -> bytes:
    return struct.pack(">I", 16) + b"ftyp" + brand + bytes(4) + b"\0".join(inside) + bytes(40)


def matroska(kind: bytes, *codecs: bytes) -> bytes:
    head = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282") + bytes(
        [0x80 + len(kind)]
    )
    return head + kind + bytes(20) + b"\0".join(codecs) + bytes(20)


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
FILES: list[tuple[str, bytes, str, str]] = [
    ("a.png", image("PNG"), "image/png", "image"),
    ("a.jpg", image("JPEG"), "image/jpeg", "image"),
    ("a.gif", image("GIF"), "image/gif", "image"),
    ("a.webp", image("WEBP"), "image/webp", "image"),
    ("png as.txt", image("PNG"), "image/png", "image"),
    ("a.pdf", b"%PDF-1.7\n" + b"\n" * 50, "application/pdf", "document"),
    ("d34.docx", DOCX, WORD, "document"),
    ("a.zip", archive("a.txt"), "application/zip", "document"),
    ("old.doc", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "application/msword", "document"),
    ("d34.txt", b"MZ is how a program of DOS begins; this is none", "text/plain", "document"),
    ("bmw.txt", b"BM is how a bitmap begins; this is none", "text/plain", "document"),
    ("cut.txt", "Gr\u00fc\u00df".encode()[:-1], "text/plain", "document"),
    ("a.csv", b"a,b\n1,2\n", "text/csv", "document"),
    ("page.png", b"<!DOCTYPE html><script>1</script>", "text/html", "document"),
    ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", "document"),
    ("drawing.jpg", b'<?xml version="1.0"?>\n<!-- --><svg/>', "image/svg+xml", "document"),
    ("run", b"#!/bin/sh\nls", "text/x-shellscript", "document"),
    ("a.mp3", b"ID3\4\0\0\0\0\0\x0f" + bytes(200), "audio/mpeg", "audio"),
    ("a.ogg", b"OggS\0\2" + bytes(22) + b"\1\x13OpusHead" + bytes(80), "audio/ogg", "audio"),
    ("a.mp4", box(b"isom", b"vide", b"soun"), "video/mp4", "video"),
    ("voice.mp4", box(b"isom", b"soun"), "audio/mp4", "audio"),
    ("a.webm", matroska(b"webm", b"V_VP9", b"A_OPUS"), "video/webm", "video"),
    ("voice.webm", matroska(b"webm", b"A_OPUS"), "audio/webm", "audio"),
    ("noise", bytes(range(128, 256)), "application/octet-stream", "document"),
]  # fmt: skip
NO_PROGRAMS: list[tuple[str, bytes, str]] = [
    ("report for example.com", b"All is well.\n", "text/plain"),
    ("Visit EXAMPLE.COM. ", b"%PDF-1.7\n" + b"\n" * 50, "application/pdf"),
    ("shot of linkup.app", image("PNG"), "image/png"),
    ("how to remove a.exe", "Gr\u00fc\u00dfe".encode(), "text/plain"),
    ("logs of run.exe", archive("a.txt"), "application/zip"),
    ("agenda.com.txt", b"1. exe\n", "text/plain"),
]
PROGRAMS: list[tuple[str, bytes]] = [
    ("a.txt", b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0d\x86" + bytes(200)),
    ("a.png", b"\x7fELF\2\1\1" + bytes(100)),
    ("a", bytes.fromhex("cffaedfe07000001") + bytes(100)),
    ("a.pdf", bytes.fromhex("cafebabe00000034") + bytes(100)),
    ("a.CMD", b"dir"),
    ("a.jar", archive("META-INF/MANIFEST.MF")),
]
DISGUISED: list[tuple[str, bytes]] = [
    ("report for example.com", b"MZ\x90\0" + bytes(100)),
    ("photo.jpg.exe", b"MZ\x90\0" + bytes(100)),
    ("holiday\u202egpj.exe", b"\xb8\0\x4c\xcd\x21"),  # machine code without any sign
    ("a.COM. ", b"\xb8\0\x4c\xcd\x21"),
    ("setup.msi", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)),
    ("a.txt.bat. ", b"dir"),
    (".bat", b"dir"),
    ("a.ps1", "\ufeffdir".encode("utf-16-le")),
    ("a.hta", image("GIF") + b"<script>1</script>"),
    ("a.jar", image("GIF") + archive("META-INF/MANIFEST.MF")),
]


@pytest.mark.parametrize(
    ("name", "head", "media_type", "kind"), FILES, ids=[row[0] for row in FILES]
)
def test_d34_a_file_is_what_its_bytes_say(
    name: str, head: bytes, media_type: str, kind: str
) -> None:
    assert kinds.media_type(head, name) == media_type
    assert kinds.kind_of(media_type) == kind


@pytest.mark.parametrize(("name", "head"), PROGRAMS, ids=[str(n) for n in range(len(PROGRAMS))])
def test_s45_a_program_is_not_taken_whatever_it_is_called(name: str, head: bytes) -> None:
    with pytest.raises(Unsupported):
        kinds.media_type(head, name)


@pytest.mark.parametrize(("name", "head", "media_type"), NO_PROGRAMS)
def test_f_s11_a_name_that_ends_like_a_program_is_taken(
    name: str, head: bytes, media_type: str
) -> None:
    assert kinds.media_type(head, name) == media_type


@pytest.mark.parametrize(("name", "head"), DISGUISED)
def test_f_s11_a_program_is_refused_whatever_its_name_begins_or_ends_with(
    name: str, head: bytes
) -> None:
    with pytest.raises(Unsupported):
        kinds.media_type(head, name)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_are_a_kind_or_refused(head: bytes, name: str) -> None:
    try:
        assert kinds.kind_of(kinds.media_type(head, name)) in (
            "image",
            "document",
            "audio",
            "video",
        )
    except Unsupported:
        return


# ------------------------------------------------------------------ how it leaves


@pytest.mark.parametrize("media_type", [*sorted(kinds.ACTIVE), "application/pdf", kinds.UNKNOWN])
def test_d15_what_a_browser_would_run_is_a_download_in_a_sandbox(media_type: str) -> None:
    headers = content_headers("a.html", media_type, 60)
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Type"] in (kinds.UNKNOWN, "application/pdf")


@pytest.mark.parametrize("media_type", ["image/png", "audio/mpeg", "video/mp4"])
def test_a_picture_a_sound_and_a_video_are_shown_in_place(media_type: str) -> None:
    headers = content_headers("a", media_type, 60)
    assert headers["Content-Disposition"].startswith("inline;")
    assert headers["Content-Type"] == media_type


@given(st.text(min_size=1, max_size=60))
def test_no_name_leaves_its_quotes(name: str) -> None:
    shown = disposition(name.encode(errors="ignore").decode() or "x", "attachment")
    assert shown.isascii()
    assert shown.isprintable()
    assert shown.count('"') == 2
    assert "\\" not in shown


def test_a_name_comes_back_as_it_was() -> None:
    shown = disposition('Gr\u00fc\u00dfe; "x".txt', "attachment")
    assert shown == (
        "attachment; filename=\"Gr__e; _x_.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%3B%20%22x%22.txt"
    )


def test_f_p17_a_name_does_not_turn_what_is_saved() -> None:
    shown = disposition("holiday\u202egpj.html", "attachment")
    assert shown.endswith("filename*=UTF-8''holiday_gpj.html")
    assert "%" not in disposition("\u061c\u200e\u200f\u202a\u2066\u2069", "attachment")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (None, None),
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 10)),
        ("bytes=8-100", (8, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-100", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=3-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_part_is_what_rfc_9110_says(asked: str | None, part: tuple[int, int] | None) -> None:
    assert part_of(asked, 10) == part


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_part_behind_the_end_is_refused(asked: str) -> None:
    with pytest.raises(Unsatisfiable):
        part_of(asked, 10)


# ------------------------------------------------------------------ signed URLs

KEY = b"k" * 32


def checked(signing: Links, now: float, **changed: Any) -> None:
    """The URL of a file, with something else in one place."""
    url = urlsplit(signing.url("a1", "original", 1000))
    query = {name: value for name, [value] in parse_qs(url.query).items()}
    given = {"attachment_id": url.path.split("/")[3], **query, **changed}
    signing.check(
        given["attachment_id"], given["variant"], int(given["expires"]), given["signature"], now
    )


def test_a_url_holds_until_it_expires() -> None:
    signing = links(KEY, 300)
    checked(signing, 1000.0)
    with pytest.raises(NotFound):
        checked(signing, 1000.1)
    assert 300 <= signing.expiry(5.5) - 5.5 <= 301.5


@pytest.mark.parametrize(
    "changed",
    [
        {"attachment_id": "a2"},
        {"variant": "thumbnail"},
        {"expires": 2000},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "\x81"},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_a_changed_url_is_as_good_as_none(changed: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        checked(links(KEY, 300), 999.0, **changed)


def test_another_key_signs_other_urls() -> None:
    one, other = links(KEY, 300), links(b"t" * 32, 300)
    assert one.url("a1", "original", 1000) != other.url("a1", "original", 1000)
    assert KEY.hex() not in one.url("a1", "original", 1000)


async def test_the_key_is_the_stores_and_asked_for_once_a_minute() -> None:
    keys, now = [b"old", b"new"], [0.0]

    class Log:
        async def ask(self, asked: LinkKey, kind: type[LinkKeyAnswer]) -> LinkKeyAnswer:
            await asyncio.sleep(0)
            if not keys:
                raise Unavailable("away")
            return kind(key=keys.pop(0))

    log: Any = Log()
    shared = SharedLinks(log, 300, lambda: now[0])
    together = await asyncio.gather(*(shared.get() for _ in range(3)))
    assert [*together, await shared.get()] == [links(b"old", 300)] * 4
    now[0] += KEPT
    assert await shared.get() == links(b"new", 300)
    now[0] += KEPT
    with pytest.raises(Unavailable):
        await shared.get()
    keys.append(b"newest")
    assert await shared.get() == links(b"newest", 300)


# ------------------------------------------------------------------ images


def look(content: bytes, media_type: str) -> pictures.Picture:
    return pictures.look_at(io.BytesIO(content), media_type)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_s45_an_image_has_a_size_and_a_thumbnail(form: str) -> None:
    found = look(image(form, (800, 600)), f"image/{form.lower()}")
    assert (found.width, found.height) == (800, 600)
    assert found.thumbnail is not None
    with Image.open(io.BytesIO(found.thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", (320, 240))


def test_a_turned_photo_is_measured_as_it_is_shown() -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    exif[0x010E] = "where I live"
    found = look(image("JPEG", (800, 600), exif=exif), "image/jpeg")
    assert (found.width, found.height) == (600, 800)
    assert found.thumbnail is not None
    assert b"where I live" not in found.thumbnail
    with Image.open(io.BytesIO(found.thumbnail)) as small:
        assert small.size == (240, 320)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_mode_of_pixels_becomes_a_thumbnail(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    written = io.BytesIO()
    Image.new(mode, (40, 30)).save(written, form)
    assert look(written.getvalue(), f"image/{form.lower()}").thumbnail


def png_of_16_bits(
    colour: int, *channels: Callable[[int], int], clear: bytes = b"", turned: bool = False
) -> bytes:
    """256 pixels wide, 200 high; the channels of a pixel are functions of its x."""
    row = b"\0" + b"".join(struct.pack(">H", at(x)) for x in range(256) for at in channels)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 3
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 200, 16, colour, 0, 0, 0)),
            chunk(b"tRNS", clear) if clear else b"",
            chunk(b"eXIf", exif.tobytes()[6:]) if turned else b"",
            chunk(b"IDAT", zlib.compress(row * 200)),
            chunk(b"IEND", b""),
        )
    )


GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6


def ramp(x: int) -> int:
    return x * 257


def full(_: int) -> int:
    return 65_535


SHADES = (0, 10, 32, 128, 255)


def shades(content: bytes, channel: int = 0) -> list[int]:
    """Return the shades at SHADES in the thumbnail, which is 256 pixels wide."""
    found = look(content, "image/png").thumbnail
    assert found is not None
    with Image.open(io.BytesIO(found)) as small:
        assert small.size == (256, 200)
        shown = small.convert("RGBA")
        return [shown.getpixel((x, 100))[channel] for x in SHADES]  # type: ignore[index]


@pytest.mark.parametrize(
    "content",
    [
        png_of_16_bits(GREY, ramp),
        png_of_16_bits(GREY, ramp, clear=struct.pack(">H", 77)),
        png_of_16_bits(GREY_ALPHA, ramp, full),
        png_of_16_bits(RGB, ramp, ramp, ramp),
        png_of_16_bits(RGBA, ramp, ramp, ramp, full),
        png_of_16_bits(GREY, lambda x: ramp(255 - x), turned=True),
    ],
    ids=["grey", "grey with a clear shade", "grey with alpha", "rgb", "rgba", "turned"],
)
def test_f_s10_sixteen_bits_keep_their_shades(content: bytes) -> None:
    assert shades(content) == pytest.approx(SHADES, abs=3)


def test_f_s10_a_clear_shade_of_sixteen_bits_stays_clear() -> None:
    clear = png_of_16_bits(GREY, lambda x: (x < 64) * 77, clear=struct.pack(">H", 77))
    assert shades(clear, channel=3) == pytest.approx([0, 0, 0, 255, 255], abs=3)


def test_f_s10_sixteen_bits_are_scaled_down_too() -> None:
    large = Image.new("I;16", (800, 600), 32 * 257)
    written = io.BytesIO()
    large.save(written, "PNG")
    found = look(written.getvalue(), "image/png").thumbnail
    assert found is not None
    with Image.open(io.BytesIO(found)) as small:
        assert small.convert("L").getextrema() == pytest.approx((32, 32), abs=3)


@pytest.mark.parametrize("clear", [None, 0], ids=["opaque", "transparent"])
@pytest.mark.parametrize("mode", ["1", "P", "L"])
def test_f_s10_a_fine_pattern_is_grey_when_it_is_small(mode: str, clear: int | None) -> None:
    """Palette colours and a transparent shade are averaged: none of them is picked."""
    rows = bytes([0, 255] * 640) + bytes([255, 0] * 640)
    board = Image.frombytes("L", (1280, 960), rows * 480)
    written = io.BytesIO()
    options = {} if clear is None else {"transparency": clear}
    board.convert(mode).save(written, "PNG", **options)
    found = look(written.getvalue(), "image/png").thumbnail
    assert found is not None
    with Image.open(io.BytesIO(found)) as small:
        low, high = small.convert("RGBA").getextrema()[0 if clear is None else 3]  # type: ignore[misc]
    assert 100 < low <= high < 156


def test_a_bomb_is_measured_and_not_decoded() -> None:
    """A few kilobytes that would be 300 megabytes of pixels."""
    found = look(image("PNG", (10_000, 10_000), "1"), "image/png")
    assert found == pictures.Picture(10_000, 10_000, None)


@pytest.mark.parametrize("size", [(10_001, 1), (1, 10_001)])
def test_s45_an_image_has_at_most_10000_pixels_a_side(size: tuple[int, int]) -> None:
    with pytest.raises(TooLarge):
        look(image("PNG", size, "1"), "image/png")


def test_a_damaged_image_is_unsupported() -> None:
    whole = image("PNG", (64, 64))
    for content in (whole[:60], whole[: len(whole) // 2], whole[:16] + bytes(200)):
        with pytest.raises(Unsupported):
            look(content, "image/png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_whatever_is_in_an_image_it_is_shown_or_refused(form: str) -> None:
    chance = random.Random(form)
    whole = image(form, (40, 30))
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        try:
            assert look(bytes(broken), f"image/{form.lower()}").width > 0
        except (Unsupported, TooLarge):
            continue
