"""The generated documents: valid by their own schemas, whole, and committed as they are served."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate as validate_openapi

from linkup.schema import schema
from shared import contract, frames
from shared.contract.asyncapi import tag_of
from shared.routes import ROUTES

ROOT = Path(__file__).parents[2]
DOCUMENTS = {path: json.loads(text) for path, text in contract.documents().items()}
ASYNCAPI_SCHEMA = json.loads((Path(__file__).parent / "vendor" / "asyncapi-3.0.0.json").read_text())
FRAMES = DOCUMENTS[contract.FRAMES]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_committed_document_is_current(path: str) -> None:
    committed = (ROOT / path).read_bytes()
    assert committed == contract.documents()[path], f"{path} is stale: run `linkup schema`"


def test_the_openapi_document_is_valid() -> None:
    validate_openapi(DOCUMENTS[contract.OPENAPI])


def asyncapi_faults(document: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft7Validator(ASYNCAPI_SCHEMA)
    return [error.message for error in validator.iter_errors(document)]


def test_the_asyncapi_document_is_valid() -> None:
    assert asyncapi_faults(DOCUMENTS[contract.ASYNCAPI]) == []


def test_what_is_no_asyncapi_document_is_refused() -> None:
    document = json.loads(contract.documents()[contract.ASYNCAPI])
    document["operations"]["socket.send"]["action"] = "shout"
    document["components"]["messages"]["client.ping"]["colour"] = "red"
    assert len(asyncapi_faults(document)) == 2


def test_every_reference_leads_somewhere() -> None:
    for document in DOCUMENTS.values():
        for reference in references(document):
            place = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for item in value.values() for found in references(item)]


@pytest.mark.parametrize("side", ["client", "server"])
def test_every_frame_is_in_both_documents(side: str) -> None:
    union = {"client": frames.ClientFrame, "server": frames.ServerFrame}[side]
    messages = DOCUMENTS[contract.ASYNCAPI]["components"]["messages"]
    mapping = FRAMES["$defs"][side]["discriminator"]["mapping"]
    for frame in get_args(union):
        assert f"{side}.{tag_of(frame)}" in messages
        assert tag_of(frame) in mapping


def test_every_route_is_in_the_document() -> None:
    paths = DOCUMENTS[contract.OPENAPI]["paths"]
    assert {(r.path, r.method.lower()) for r in ROUTES} == {
        (path, method) for path, methods in paths.items() for method in methods
    }


@pytest.mark.parametrize("kind", get_args(frames.EventType))
def test_every_event_of_a_webhook_is_in_the_document(kind: str) -> None:
    document = DOCUMENTS[contract.OPENAPI]
    content = document["webhooks"][kind]["post"]["requestBody"]["content"]
    validator = jsonschema.Draft202012Validator(
        content["application/json"]["schema"] | {"components": document["components"]}
    )
    event = {"type": kind, "timestamp": "2026-11-29T12:00:00Z", "data": {}}
    [fault] = {error.validator for error in validator.iter_errors(event)}
    assert fault == "required"  # its data have fields


def test_the_frame_schema_says_what_a_client_may_send() -> None:
    validator = jsonschema.Draft202012Validator(FRAMES)
    valid = {"type": "message", "client_id": "c1", "content": "hi", "to": "bob"}
    assert validator.is_valid(valid)
    client = validator.evolve(schema={"$ref": "#/$defs/client", "$defs": FRAMES["$defs"]})
    for fault in (
        {"to": None},
        {"conversation_id": "d1"},
        {"content": "x" * 5001},
        {"client_id": "two words"},
        {"colour": "red"},
        {"type": "shout"},
    ):
        assert not client.is_valid(valid | fault), fault
    assert client.is_valid(valid | {"to": None, "conversation_id": "d1"})


def test_the_frame_schema_says_what_delivered_is_about() -> None:
    client = {"$ref": "#/$defs/client", "$defs": FRAMES["$defs"]}
    validator = jsonschema.Draft202012Validator(client)
    message, notification = {"conversation_id": "d1", "seq": 1}, {"notification_id": "n1"}
    for valid in (message, notification):
        assert validator.is_valid({"type": "delivered", **valid})
    for fault in ({}, message | notification, {"conversation_id": "d1"}, notification | {"seq": 1}):
        assert not validator.is_valid({"type": "delivered", **fault}), fault


def test_no_pattern_is_python_only() -> None:
    for text in contract.documents().values():
        assert b"\\\\Z" not in text


def test_the_command_writes_what_is_stale_and_checks(tmp_path: Path) -> None:
    runner = CliRunner()
    checked = runner.invoke(schema, ["--check", "--dir", str(tmp_path)])
    assert (checked.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert runner.invoke(schema, ["--dir", str(tmp_path)]).exit_code == 0
    for path, text in contract.documents().items():
        assert (tmp_path / path).read_bytes() == text
    (tmp_path / contract.FRAMES).write_text("{}")
    checked = runner.invoke(schema, ["--check", "--json", "--dir", str(tmp_path)])
    assert checked.exit_code == 1
    assert json.loads(checked.output) == {
        contract.OPENAPI: "current",
        contract.ASYNCAPI: "current",
        contract.FRAMES: "stale",
    }
