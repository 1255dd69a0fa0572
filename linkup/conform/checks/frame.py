"""Checks of the frame's form: what is malformed is answered, and the socket stays."""

import functools
import json
from typing import Any

from linkup.conform.check import Check
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

GOOD = {"type": "message", "to": "conform-nobody", "client_id": "bad", "content": "x"}


def frame(**fields: Any) -> str:
    return json.dumps({**GOOD, **fields})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


# name → what is sent, a word of the error's message, whether its client_id can be read
MALFORMED: dict[str, tuple[str | bytes, str, bool]] = {
    "unknown type": (frame(type="massage"), "", True),
    "no type": (without("type"), "type", True),
    "unknown field": (frame(colour="red"), "colour", True),
    "missing field": (without("content"), "content", True),
    "missing client_id": (without("client_id"), "client_id", False),
    "wrong type of a field": (frame(content=5), "content", True),
    "list for a string": (frame(content=["x"]), "content", True),
    "list for an object": ("[]", "", False),
    "string for an object": ('"message"', "", False),
    "no JSON": ("{", "", False),
    "nothing": ("", "", False),
    "NaN": ('{"type":"ping","timestamp":NaN}', "", False),
    "infinite": ('{"type":"ping","timestamp":1e999}', "timestamp", False),
    "lone surrogate": ('{"type":"message","content":"\\ud800 alone"}', "", False),
    "NUL in content": (frame(content="a\0b"), "content", True),
    "NUL in user": (frame(to="a\0b"), "to", True),
    "2^53": ('{"type":"sync_request","cursor":9007199254740992}', "cursor", False),
    "2^60": ('{"type":"read_receipt","message_id":1152921504606846976}', "message_id", False),
    "2^80": ('{"type":"read_receipt","message_id":1208925819614629174706176}', "message_id", False),
    "negative cursor": ('{"type":"sync_request","cursor":-1}', "cursor", False),
    "zero id": ('{"type":"read_receipt","message_id":0}', "message_id", False),
    "fraction": ('{"type":"read_receipt","message_id":1.5}', "message_id", False),
    "temporary id": ('{"type":"read_receipt","message_id":"temp_17"}', "message_id", False),
    "empty content": (frame(content=""), "content", True),
    "white content": (frame(content=" \n\t\u2003"), "content", True),
    "5001 code points": (frame(content="\U0001f600" * 5001), "content", True),
    "client_id too long": (frame(client_id="x" * 101), "client_id", False),
    "client_id not ASCII": (frame(client_id="é"), "client_id", False),
    "client_id with newline": (frame(client_id="a\n"), "client_id", False),
    "user_id with slash": (frame(to="a/b"), "to", True),
    "user_id too long": (frame(to="x" * 129), "to", True),
    "to and conversation": (frame(conversation_id="c"), "", True),
    "neither of them": (without("to"), "", True),
    "conversation_id too long": (
        json.dumps({"type": "mark_chat_read", "conversation_id": "x" * 65}),
        "conversation_id",
        False,
    ),
    "a second hello": ('{"type":"hello","token":"x"}', "hello", False),
    "a frame of the server": ('{"type":"welcome"}', "", False),
    "deeply nested": ('{"type":"ping","x":' + "[" * 30_000, "", False),
    "binary": (b'{"type":"ping"}', "", False),
}


async def malformed(scene: Scene, text: str | bytes, word: str, echoed: bool) -> None:
    alice = await scene.enter("alice")
    await alice.send_text(text)
    error = await alice.next("error")
    expect("the code", error.get("code"), "invalid_frame")
    expect("temporary", error.get("temporary"), False)
    demand(word in error.get("message", ""), f"a message that names {word!r}", error)
    expect("the echoed client_id", error.get("client_id"), "bad" if echoed else None)
    await alice.acked(alice.user_id, "after all that")


async def longest(scene: Scene) -> None:
    alice, api = await scene.enter("alice"), await scene.api("alice")
    content = "\U0001f600" * 5000
    ack = await alice.acked(alice.user_id, content)
    stored = (await api.page(ack["conversation_id"]))["messages"][-1]["content"]
    demand(stored == content, "5,000 emoji as sent", f"{len(stored)} code points")


async def longest_id(scene: Scene) -> None:
    alice = await scene.enter("alice")
    client_id = ("~!" + alice.user_id + "x" * 100)[:100]
    ack = await alice.acked(alice.user_id, "a long id", client_id)
    expect("the client_id", ack["client_id"], client_id)


def _check(name: str, sentence: str, attempt: Any) -> Check:
    return Check(
        name=f"frame/{name}", section="Common", promise="", sentence=sentence, attempt=attempt
    )


CHECKS = (
    *(
        _check(
            name.replace(" ", "-").replace("_", "-"),
            f"A malformed frame ({name}) is refused as `invalid_frame`; the WebSocket stays.",
            functools.partial(malformed, text=text, word=word, echoed=echoed),
        )
        for name, (text, word, echoed) in MALFORMED.items()
    ),
    _check(
        "longest-content",
        "A content of 5,000 code points outside the basic plane is accepted.",
        longest,
    ),
    _check("longest-client-id", "A client_id of 100 printable characters is accepted.", longest_id),
)
