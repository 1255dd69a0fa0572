"""Owns the type of a file, detected from its first bytes and not from its name. Pure.

The name only refines what the bytes leave open (a text, an old Office file), and is held against
the endings that a double click would run: those of scripts and packages, which run whatever they
begin with, and those of programs where the bytes may be one.
"""

from typing import Literal

import filetype

from shared.errors import Unsupported

Kind = Literal["image", "document", "audio", "video"]

HEAD_BYTES = 8192
UNKNOWN = "application/octet-stream"


def _suffixes(endings: str) -> frozenset[str]:
    return frozenset(f".{ending}" for ending in endings.split())


# An interpreter skips what it does not understand, and a package has its index at the end: their
# first bytes prove nothing.
RUNNABLE_SUFFIXES = _suffixes("apk bat cmd gadget hta jar jse ps1 reg vbe vbs wsf wsh")
# The system looks at the first bytes as we do; many names end like a domain (`notes.com`).
PROGRAM_SUFFIXES = _suffixes("app com cpl dll exe lnk msi msp pif scr")
PROGRAM_SIGNS = (
    b"\x7fELF",
    *(bytes.fromhex(sign) for sign in ("feedface", "feedfacf", "cefaedfe", "cffaedfe")),  # Mach-O
    b"\xca\xfe\xba\xbe",  # Java, and Mach-O for several processors
    b"dex\n",
    bytes.fromhex("4c0000000114020000000000c000000000000046"),  # a Windows shortcut
)
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
OLE_TYPES = {
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
}
HTML_SIGNS = ("<!doctype html", "<html", "<head", "<body", "<script", "<iframe")
TEXT_TYPES = {
    ".csv": "text/csv",
    ".css": "text/css",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".sh": "text/x-shellscript",
    ".svg": "image/svg+xml",
    ".vcf": "text/vcard",
    ".xml": "application/xml",
}
PRINTABLE = frozenset({"application/pdf", "application/rtf", "application/postscript"})
# What a browser would run, or a program open: it leaves as a download of bytes.
ACTIVE = frozenset(
    {
        "text/html",
        "text/css",
        "text/javascript",
        "text/x-shellscript",
        "application/xml",
        "application/xhtml+xml",
        "image/svg+xml",
    }
)
PICTURES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}


def media_type(head: bytes, name: str) -> str:
    """Raises Unsupported for a program."""
    text = as_text(head)
    suffix = suffix_of(name)
    guessed = filetype.guess(head)
    found = guessed.mime if guessed is not None else None
    if suffix in RUNNABLE_SUFFIXES or is_program(head, text):
        raise Unsupported("Programs are not accepted")
    if suffix in PROGRAM_SUFFIXES and text is None and (not found or head.startswith(OLE)):
        raise Unsupported("Programs are not accepted")  # machine code need not have any sign
    if text is not None and found not in PRINTABLE:
        return _text_type(text, suffix)
    if head.startswith(OLE):
        return OLE_TYPES.get(suffix, "application/x-ole-storage")
    return _heard_only(found, head) if found else UNKNOWN


def suffix_of(name: str) -> str:
    """Return the ending by which a system chooses what opens the file, in lower case: Windows drops
    spaces and dots behind it, and takes a name that is nothing else for one."""
    _, dot, ending = name.rstrip(" .").rpartition(".")
    return f".{ending.lower()}" if dot else ""


def kind_of(media_type: str) -> Kind:
    match media_type.partition("/")[0]:
        case "image" if media_type not in ACTIVE:
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
    return "document"


def is_shown(media_type: str) -> bool:
    """Return whether a browser may display it inline; all other files are downloads."""
    return media_type in PICTURES or kind_of(media_type) in ("audio", "video")


def is_program(head: bytes, text: str | None) -> bool:
    """Return whether the file begins as a program does. A text may well begin with MZ; a DOS or
    Windows program is none."""
    return head.startswith(PROGRAM_SIGNS) or (head.startswith(b"MZ") and text is None)


def as_text(head: bytes) -> str | None:
    """Return the beginning as UTF-8, or None where it is none; the last character may be cut."""
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        odd = any(c < " " and c not in "\t\n\r\f\x1b" for c in text)
        return None if odd else text
    return None


def _text_type(text: str, suffix: str) -> str:
    begin = text.lstrip("\ufeff \t\r\n\f").lower()
    if begin.startswith("#!"):
        return "text/x-shellscript"
    if begin.startswith(HTML_SIGNS):
        return "text/html"
    if "<svg" in begin:
        return "image/svg+xml"
    if begin.startswith("<"):
        return "application/xhtml+xml" if "<html" in begin else "application/xml"
    return TEXT_TYPES.get(suffix, "text/plain")


def _heard_only(found: str, head: bytes) -> str:
    """Return the kind of a voice message, which has the container of a video: see whether a picture
    is in it."""
    match found:
        case "video/webm" | "video/x-matroska" if b"A_" in head and b"V_" not in head:
            return found.replace("video", "audio")
        case "video/mp4" if b"soun" in head and b"vide" not in head:
            return "audio/mp4"
        case "audio/x-wav":
            return "audio/wav"
    return found
