"""The two clients offer the same calls: by route, by method and by frame."""

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
from linkup_client import frames
from linkup_client.api import Api
from linkup_client.bell import Notifications
from linkup_client.client import Client
from linkup_client.http import Http
from msgspec import StructMeta

from shared.frames.client import ClientFrame
from shared.routes import ROUTES

GOLDEN = Path(__file__).parent / "golden"
WEB = Path(__file__).parents[2] / "clients" / "web"
API = (WEB / "sdk" / "api.js").read_text(encoding="utf-8")

# Routes for others than a signed-in user, and a URL that the server hands out.
NOT_OF_CLIENTS = ("/v1/admin/", "/v1/dev/", "/unsubscribe/", "/livez", "/readyz", "/health")
HANDED_OUT = "GET /v1/attachments/{}/content"
# Only browsers can be subscribed to web push.
OF_BROWSERS = {"GET /v1/push-key", "POST /v1/push-subscriptions", "DELETE /v1/push-subscriptions"}

# The methods of `client.api` in JavaScript that have another place in Python; None: none.
ELSEWHERE: dict[str, Any] = {
    "now": None,  # the server's time, which the page shows
    "send": Client.send,
    "mark_read": Client.mark_read,
    "mark_delivered": Client.delivered,
    "upload": Client.upload,
    "attachment": Client.file_link,
    "probe": None,  # of a picture that a browser shows
    "logout": Client.logout,
    "notifications": Notifications.page,
    "read_notification": Notifications.read,
    "read_notifications": Notifications.read_all,
    "notification_preferences": Notifications.preferences,
    "put_notification_preferences": Notifications.put_preferences,
    "push_key": None,
    "add_push_subscription": None,
    "remove_push_subscription": None,
}

# What only one client sends as a frame, and how the other does the same; None: not at all.
FRAMES_OF_ONE: dict[str, Any] = {
    "edit_message": Api.edit,
    "delete_message": Api.delete,
    "react": Api.react,
    "sync_request": None,  # the JavaScript client connects again
}


def anonymous(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def routes() -> set[str]:
    return {
        f"{route.method} {anonymous(route.path)}"
        for route in ROUTES
        if not route.path.startswith(NOT_OF_CLIENTS) and not route.path.endswith(".json")
    }


def javascript_routes() -> set[str]:
    """Return the routes in the text of the client, with a `{}` for each part that varies."""
    found = re.findall(r'"(GET|POST|PUT|PATCH|DELETE)", ((?:`[^`]*`|"[^"]*"|path\([^)]*\)))', API)
    uploads = re.findall(r"`\$\{this\.#url\}(/v1/[^`]*)`", API)
    asked = {f"{method} {_plain(target)}" for method, target in found}
    return {one for one in asked if "/v1/dev/" not in one} | {
        f"POST {_plain(f'`{target}`')}" for target in uploads
    }


def _plain(target: str) -> str:
    if target.startswith("path("):
        parts = target.removeprefix("path(").removesuffix(")").split(", ")
        shown = (part.strip('"') if part.startswith('"') else "{}" for part in parts)
        return "/".join(("/v1/conversations", *shown))
    plain = re.sub(r"\$\{query\((?:[^()]|\([^)]*\))*\)\}", "", target.strip('"`'))
    return re.sub(r"\$\{[^}]*\}", "{}", plain)


class Asked(Http):
    """Remembers the routes that it is asked."""

    def __init__(self) -> None:
        super().__init__("ws://test/ws", "token")
        self.routes: set[str] = set()

    async def call(self, method: str, target: str, *_: Any) -> Any:
        self.routes.add(f"{method} {target.partition('?')[0].replace('VALUE', '{}')}")
        return None


def python_routes() -> set[str]:
    """Call all methods of the client, and return the routes that these ask."""
    asked = Asked()
    api = Api(asked)
    for name, method in methods(Api).items():
        required = [
            parameter
            for parameter in inspect.signature(method).parameters.values()
            if parameter.default is parameter.empty and parameter.name != "self"
        ]
        values = {parameter.name: "VALUE" for parameter in required}
        asyncio.run(getattr(api, name)(**values))
    return asked.routes


def methods(kind: type) -> dict[str, Any]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: method for name, method in found if not name.startswith("_")}


def javascript_methods() -> set[str]:
    body = API[API.index("export class Api") : API.index("\n}\n", API.index("export class Api"))]
    names = re.findall(r"^  (?:async )?([a-z]\w*)\(.*\{$", body, re.MULTILINE)
    return {re.sub(r"([A-Z])", r"_\1", name).lower() for name in names} - {"constructor"}


def test_the_javascript_client_has_each_route_of_a_user() -> None:
    assert javascript_routes() | {HANDED_OUT} == routes()


def test_the_python_client_has_each_route_of_a_user() -> None:
    elsewhere = {
        "POST /v1/messages",
        "POST /v1/conversations/{}/read",
        "POST /v1/conversations/{}/delivered",
        "POST /v1/attachments",
        "GET /v1/attachments/{}",
        "POST /v1/logout",
        "GET /v1/notifications",
        "POST /v1/notifications/{}/read",
        "POST /v1/notifications/read-all",
        "GET /v1/notification-preferences",
        "PUT /v1/notification-preferences",
    }
    asked = python_routes()
    assert not asked & elsewhere
    assert asked | elsewhere | OF_BROWSERS | {HANDED_OUT} == routes()


def test_both_clients_have_the_same_methods() -> None:
    assert set(methods(Api)) | set(ELSEWHERE) == javascript_methods()
    assert not set(methods(Api)) & set(ELSEWHERE)


def javascript() -> str:
    files = (WEB / "linkup-client.js", *sorted((WEB / "sdk").glob("*.js")))
    return "".join(file.read_text(encoding="utf-8") for file in files)


def python_frames() -> dict[str, StructMeta]:
    structs = [one for one in vars(frames).values() if isinstance(one, StructMeta)]
    return {str(one.__struct_config__.tag): one for one in structs}


def test_both_clients_send_the_same_frames() -> None:
    known = {str(one.__struct_config__.tag) for one in ClientFrame.__args__}
    sent = set(re.findall(r'(?:type: |#tell\()"(\w+)"', javascript())) & known
    assert sent ^ (python_frames().keys() & known) == set(FRAMES_OF_ONE)


def test_no_client_sends_a_field_without_a_meaning() -> None:
    """The server accepts these, because older clients send them."""
    old = {
        (str(one.__struct_config__.tag), name)
        for one in ClientFrame.__args__
        for name, field in msgspec.json.schema(one)["$defs"][one.__name__]["properties"].items()
        if field.get("deprecated")
    }
    assert old == {("hello", "device")}
    assert b'"device"' in (GOLDEN / "client.hello.json").read_bytes()
    ours = python_frames()
    assert not any(name in ours[tag].__struct_fields__ for tag, name in old)
    assert not any(re.search(rf"\b{name}:", javascript()) for _, name in old)
