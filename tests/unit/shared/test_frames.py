"""The limits of each field, at the edge and one beyond; what a client is told of a fault."""

import json
from typing import Any

import pytest

from shared import frames
from shared.errors import InvalidFrame

MESSAGE = {"type": "message", "client_id": "c1", "content": "hi", "to": "bob"}


def decode(**changes: Any) -> frames.ClientFrame:
    return frames.decode(json.dumps(MESSAGE | changes))


def refusal(text: str | bytes, max_bytes: int = frames.MAX_FRAME_BYTES) -> InvalidFrame:
    with pytest.raises(InvalidFrame) as caught:
        frames.decode(text, max_bytes)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ping","a\\u0000\\u001b[2J\\n":1}',
        '{"type":"\\u001b[2J\\u202e"}',
        '{"type":"message","client_id":"a","content":"\ud800","to":"b"}',
    ],
)
def test_a_fault_is_printable_whatever_the_frame_holds(text: str) -> None:
    assert refusal(text).message.isprintable()
