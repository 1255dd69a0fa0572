"""Golden frames: what is on the wire, read alike by the server and by both clients.

One file a frame type, `<side>.<type>.json`, written by hand: it does not change by itself.
"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, get_args

import jsonschema
import linkup_client.frames as client_frames
import msgspec
import pytest

from shared import contract, frames
from shared.contract.asyncapi import tag_of
from tests.support.waiting import TIMEOUT_FACTOR

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
GOLDEN = {path.stem: path.read_text("utf-8") for path in (HERE / "golden").glob("*.json")}
CLIENT = {f"client.{tag_of(frame)}": frame for frame in get_args(frames.ClientFrame)}
SERVER = {f"server.{tag_of(frame)}": frame for frame in get_args(frames.ServerFrame)}
NAMES = set(CLIENT) | set(SERVER)
SCHEMA = contract.frame_schema()
server_decoder = msgspec.json.Decoder(frames.ServerFrame)

# By the Python client: what it writes, and what it reads. The rest it steps over.
WRITES = {
    f"client.{tag_of(frame)}": frame
    for frame in (
        client_frames.Hello,
        client_frames.SendMessage,
        client_frames.Delivered,
        client_frames.MarkChatRead,
        client_frames.SyncRequest,
        client_frames.Ping,
    )
}
READS = {f"server.{tag_of(frame)}": frame for frame in get_args(client_frames.ServerFrame)}

# A place in the feed that is the client's own from then on.
MOVES = {
    name
    for name, text in GOLDEN.items()
    if name.startswith("server.") and "cursor" in json.loads(text)
} - {"server.welcome", "server.connection_status"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_frame_type_has_a_golden_file(name: str) -> None:
    assert name in GOLDEN, f"write tests/contract/golden/{name}.json, as it is on the wire"


@pytest.mark.parametrize("name", sorted(NAMES & set(GOLDEN)))
def test_a_golden_frame_keeps_to_the_schema(name: str) -> None:
    side = name.partition(".")[0]
    schema = {"$ref": f"#/$defs/{side}", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(GOLDEN[name]))


@pytest.mark.parametrize("name", sorted(set(CLIENT) & set(GOLDEN)))
def test_the_server_reads_every_frame_of_a_client(name: str) -> None:
    frame = frames.decode(GOLDEN[name])
    assert type(frame) is CLIENT[name]
    assert msgspec.to_builtins(frame).items() >= json.loads(GOLDEN[name]).items()


@pytest.mark.parametrize("name", sorted(set(SERVER) & set(GOLDEN)))
def test_the_server_writes_its_frames_as_they_stand_there(name: str) -> None:
    frame = server_decoder.decode(GOLDEN[name])
    assert type(frame) is SERVER[name]
    assert json.loads(frames.encode(frame)) == json.loads(GOLDEN[name])


@pytest.mark.parametrize("name", sorted(set(SERVER) & set(GOLDEN)))
def test_the_python_client_reads_what_the_server_writes(name: str) -> None:
    frame = client_frames.decode(GOLDEN[name].encode())
    golden = json.loads(GOLDEN[name])
    if name not in READS:
        assert isinstance(frame, client_frames.Unknown)
        assert frame.cursor == golden.get("cursor")
        return
    assert type(frame) is READS[name]
    read = json.loads(client_frames.encode(frame))
    assert {field: read[field] for field in read.keys() & golden.keys()} == {
        field: golden[field] for field in read.keys() & golden.keys()
    }
    assert read.keys() >= {"type", *frame.__struct_fields__} & golden.keys()


@pytest.mark.parametrize("name", sorted(set(WRITES) & set(GOLDEN)))
def test_the_server_reads_what_the_python_client_writes(name: str) -> None:
    written = client_frames.encode(msgspec.json.decode(GOLDEN[name], type=WRITES[name]))
    frame = frames.decode(written)
    assert type(frame) is CLIENT[name]
    assert json.loads(written).items() <= json.loads(GOLDEN[name]).items()


@pytest.fixture(scope="module")
def javascript() -> dict[str, Any]:
    """Return what the JavaScript client makes of the golden frames, and the frames it sends."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the JavaScript client in")
    return asyncio.run(run_node(node))


async def run_node(node: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(node, HERE / "golden.mjs", ROOT / "clients" / "web", HERE / "golden"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, faults = await asyncio.wait_for(process.communicate(), 30 * TIMEOUT_FACTOR)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, faults.decode()
    told: dict[str, Any] = json.loads(output)
    return told


def test_the_javascript_client_reads_what_the_server_writes(javascript: dict[str, Any]) -> None:
    for name in set(SERVER) & set(GOLDEN):
        taken = javascript["taken"][f"{name}.json"]
        assert taken["read"] == json.loads(GOLDEN[name]), name


def test_c6_the_javascript_client_goes_on_behind_what_it_took(javascript: dict[str, Any]) -> None:
    for name in set(SERVER) & set(GOLDEN):
        taken = javascript["taken"][f"{name}.json"]
        expected = json.loads(GOLDEN[name])["cursor"] if name in MOVES else 1
        assert taken["cursor"] == expected, name


TOLD = [
    "server.message",
    "server.message_updated",
    "server.message_deleted",
    "server.reaction",
    "server.receipt",
    "server.conversation",
    "server.typing",
    "server.presence",
    "server.resync_required",
    "server.notification",
    "server.badge_update",
    "server.notification_read",
    "server.notifications_read",
]


@pytest.mark.parametrize("name", TOLD)
def test_the_javascript_client_tells_its_page_of(javascript: dict[str, Any], name: str) -> None:
    event = javascript["taken"][f"{name}.json"]["events"][0]
    assert event["detail"] == json.loads(GOLDEN[name])


def test_s24_the_javascript_client_confirms_a_notification(javascript: dict[str, Any]) -> None:
    confirmed = {
        name: taken["confirmed"]
        for name, taken in javascript["taken"].items()
        if "confirmed" in taken
    }
    assert list(confirmed) == ["server.notification.json"]
    frame = frames.decode(json.dumps(confirmed["server.notification.json"]))
    assert isinstance(frame, frames.Delivered)
    assert frame.notification_id == "n4xk2p"
    assert frame.client_id  # its outcome is no fault of the page


def test_the_server_reads_what_the_javascript_client_writes(javascript: dict[str, Any]) -> None:
    sent = {tag_of(type(frames.decode(text))) for text in javascript["sent"]}
    assert sent >= {"hello", "message", "delivered", "mark_chat_read", "ping"}
    assert sent >= {"edit_message", "delete_message", "react", "typing"}
    assert sent >= {"presence_subscribe", "presence_unsubscribe"}


def test_c2_whatever_the_javascript_client_changes_carries_a_client_id(
    javascript: dict[str, Any],
) -> None:
    sent = [json.loads(text) for text in javascript["sent"]]
    without = {frame["type"] for frame in sent if "client_id" not in frame}
    ephemeral = {"typing", "presence_subscribe", "presence_unsubscribe"}
    assert without == {"hello", "ping"} | ephemeral
