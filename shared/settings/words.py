"""Owns the settings that name types of notifications, and the channels that bring them.

Every function takes the text of a setting and raises ValueError with a sentence for the operator.
"""

import re
from collections.abc import Callable, Mapping

CHANNELS = ("realtime", "push", "email")
WORD = re.compile(r"[a-z][a-z0-9_]{0,49}\Z")


def word(text: str) -> str:
    if not WORD.match(text):
        raise ValueError("is no type; write a word of lower-case letters, digits and _")
    return text


def brought_by(text: str) -> str:
    """Return a type and the channels that bring it, `none` of them, or `off` if it is not even
    listed."""
    name, _, channels = text.partition("=")
    if channels not in ("none", "off") and not set(channels.split("+")) <= set(CHANNELS):
        raise ValueError(
            "names no channels; write a type and its channels, as post_liked=realtime+push, or "
            "instead of channels none or off"
        )
    return f"{word(name)}={channels}"


FORMS: Mapping[str, Callable[[str], str]] = {
    "notification_types": word,
    "notification_defaults": brought_by,
}
