"""Owns the AsyncAPI 3.0 document: the WebSockets, and every frame of the two unions."""

from typing import Any, get_args

import msgspec

from shared.contract.schemas import Schema, components
from shared.errors import BY_CODE
from shared.frames import ClientFrame, CloseCode, ServerFrame
from shared.route import Socket
from shared.routes import SOCKETS

REF = "#/components/schemas/{name}"


def document(version: str) -> Schema:
    _, named = components([ClientFrame, ServerFrame], REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "LinkUp messaging",
            "version": version,
            "description": "JSON text frames over one WebSocket. `type` names the kind of a frame.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {socket.name: _channel(socket) for socket in SOCKETS},
        "operations": dict(op for socket in SOCKETS for op in _operations(socket)),
        "components": {
            "schemas": named,
            "messages": {**_messages("client", ClientFrame), **_messages("server", ServerFrame)},
        },
        "x-linkup-errors": {
            code: {"temporary": error.temporary, "status": error.status}
            for code, error in BY_CODE.items()
        },
        "x-linkup-close-codes": {str(int(code)): code.name.lower() for code in CloseCode},
    }


def tag_of(frame: Any) -> str:
    """Return the `type` on the wire."""
    info = msgspec.inspect.type_info(frame)
    assert isinstance(info, msgspec.inspect.StructType)
    return str(info.tag)


def _messages(side: str, union: Any) -> dict[str, Schema]:
    return {f"{side}.{tag_of(frame)}": _message(frame) for frame in get_args(union)}


def _message(frame: Any) -> Schema:
    return {
        "name": tag_of(frame),
        "title": frame.__name__,
        "contentType": "application/json",
        "payload": {"$ref": REF.format(name=frame.__name__)},
    }


def _keys(side: str, union: Any) -> list[str]:
    return [f"{side}.{tag_of(frame)}" for frame in get_args(union)]


def _channel(socket: Socket) -> Schema:
    keys = _keys("client", ClientFrame) + _keys("server", ServerFrame)
    names = [part[1:-1] for part in socket.path.split("/") if part.startswith("{")]
    channel: Schema = {
        "address": socket.path,
        "title": socket.name,
        "summary": socket.summary,
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in keys},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }
    return channel | ({"parameters": {name: {} for name in names}} if names else {})


def _operations(socket: Socket) -> list[tuple[str, Schema]]:
    """Return the operations in the words of the server: it receives what a client sends."""
    return [
        (f"{socket.name}.receive", _operation(socket, "receive", _keys("client", ClientFrame))),
        (f"{socket.name}.send", _operation(socket, "send", _keys("server", ServerFrame))),
    ]


def _operation(socket: Socket, action: str, keys: list[str]) -> Schema:
    channel = f"#/channels/{socket.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{key}"} for key in keys],
    }
