"""Owns the documents of the contract, which are generated from the structs."""

from importlib.metadata import version

import msgspec

from shared.contract import asyncapi, openapi
from shared.contract.schemas import Schema, components
from shared.frames import ClientFrame, ServerFrame

# Where the committed copies are, by the repository's root.
OPENAPI = "docs/openapi.json"
ASYNCAPI = "docs/asyncapi.json"
FRAMES = "docs/schema/frames.json"


def documents() -> dict[str, bytes]:
    """Return each document's text by the path of its committed copy."""
    release = version("linkup-messaging")
    schemas = {
        OPENAPI: openapi.document(release),
        ASYNCAPI: asyncapi.document(release),
        FRAMES: frame_schema(),
    }
    return {path: _text(schema) for path, schema in schemas.items()}


def frame_schema() -> Schema:
    """Return the JSON Schema of every frame: `$defs/client` and `$defs/server` are the two
    directions."""
    (client, server), named = components([ClientFrame, ServerFrame], "#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Frames of linkup.v1",
        "anyOf": [{"$ref": "#/$defs/client"}, {"$ref": "#/$defs/server"}],
        "$defs": {"client": client, "server": server, **named},
    }


def _text(schema: Schema) -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema), indent=1) + b"\n"
