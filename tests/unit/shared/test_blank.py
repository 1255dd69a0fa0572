"""A text of nothing to see is as good as none, in each field that people write."""

import timeit
from time import thread_time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import api, frames

UNSEEN = [  # Unicode's Default_Ignorable_Code_Point, drawn blanks, controls
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u180b", "\u180e"),
    *map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))),
    *("\u3164", "\ufeff", "\uffa0", "\ufff0", *map(chr, range(0xFE00, 0xFE10))),
    *("\U0001bca0", "\U0001d173", "\U000e0001", "\U000e0041", "\U000e0100", "\U000e0fff"),
    *("\u2800", "\ufff9", "\U0001d159", "\x01", "\x1b", "\x7f", "\x9f"),
]
SPACES = [
    *(" ", "\t", "\n", "\r", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000")
]
SEEN = [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",  # a flag made of tags
    "\u2764\ufe0f",
    "1\ufe0f\u20e3",
    "\u0301",  # an accent alone is drawn
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs its non-joiner
    "zu\u00adsam\u00admen",
    "\u1112\u1161\u11ab",
    "\u202eabc\u202c",
    "\ufeff.",
]
FIELDS: dict[str, tuple[type[msgspec.Struct], str, dict[str, Any]]] = {
    "message": (frames.SendMessage, "content", {"client_id": "c", "to": "bob"}),
    "caption": (frames.SendMessage, "content", {"client_id": "c", "to": "b", "attachments": ["a"]}),
    "edit": (frames.EditMessage, "content", {"message_id": 1}),
    "emoji": (frames.React, "emoji", {"message_id": 1}),
    "message over HTTP": (api.SendRequest, "content", {"client_id": "c", "to": "bob"}),
    "edit over HTTP": (api.EditRequest, "content", {}),
    "emoji over HTTP": (api.ReactRequest, "emoji", {}),
    "title": (api.BeginRequest, "title", {"client_id": "c", "members": []}),
    "new title": (api.ConversationPatch, "title", {}),
    "report": (api.ReportRequest, "comment", {"client_id": "c", "user_id": "b", "reason": "spam"}),
}
PARAMETERS = {"search": frames.Words, "file": frames.FileName, "name": frames.DisplayName}
NAMES = [*FIELDS, *PARAMETERS]


def taken(field: str, text: str) -> bool:
    """Return whether the field takes the text unchanged."""
    try:
        if field in PARAMETERS:
            return bool(msgspec.convert(text, PARAMETERS[field]) == text)
        struct, name, rest = FIELDS[field]
        body = msgspec.json.encode(rest | {name: text})
        if struct.__struct_config__.tag:
            body = msgspec.json.encode(rest | {name: text, "type": struct.__struct_config__.tag})
        return bool(getattr(msgspec.json.decode(body, type=struct), name) == text)
    except msgspec.ValidationError:
        return False


@pytest.mark.parametrize("field", NAMES)
def test_f_s12_what_shows_nothing_is_blank(field: str) -> None:
    assert [one for one in (*UNSEEN, *SPACES) if taken(field, one)] == []
    assert not taken(field, "\u200b\u2060\ufeff")
    assert not taken(field, "\u2800\u3164\u200d\U000e0041")


@given(st.lists(st.sampled_from([*UNSEEN, *SPACES]), min_size=1, max_size=40).map("".join))
@settings(max_examples=200)
def test_f_s12_no_mixture_of_it_shows_anything(text: str) -> None:
    assert [field for field in NAMES if taken(field, text)] == []


@pytest.mark.parametrize("field", NAMES)
def test_f_s12_what_shows_something_is_taken_as_it_is(field: str) -> None:
    assert [one for one in SEEN if not taken(field, one)] == []


@pytest.mark.parametrize("text", ["a", "\u200b", " "])
def test_f_s12_a_long_text_is_looked_at_once(text: str) -> None:
    """Each frame is checked between two others: 5,000 characters cost four times 1,250, not
    sixteen times, wherever the fault is. The time of the thread leaves out what others do."""

    def cost(length: int) -> float:
        body = text * (length - 1) + "\0"
        looks = timeit.repeat(lambda: taken("message", body), thread_time, number=5, repeat=20)
        return min(looks)

    assert cost(5_000) < 10 * cost(1_250)
