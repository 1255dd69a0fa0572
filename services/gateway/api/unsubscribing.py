"""Owns the page behind the unsubscribe link of an e-mail, which works without signing in.

Mail servers and scanners open links: only POST, which is also what a mail client's button sends
(RFC 8058), changes anything.
"""

import base64
import hashlib
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.gateway.api.languages import preferred
from services.gateway.contract import Endpoints
from services.gateway.upstream.notices import Notices
from shared.commands import Unsubscribe, UnsubscribeAnswer

STYLE = """
:root { color-scheme: light dark }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: #eef1f3; color: #18222a }
main { box-sizing: border-box; width: min(30rem, 100% - 2rem); margin: 12vh auto; padding: 2rem;
  background: #ffffff; border-radius: 16px }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.3 }
p { margin: 0 }
button { margin-top: 1.5rem; padding: .7rem 1.4rem; border: 0; border-radius: 10px;
  font: inherit; font-weight: 600; background: #0f766e; color: #ffffff; cursor: pointer }
@media (prefers-color-scheme: dark) {
  body { background: #0f1416; color: #e6ecee }
  main { background: #171d20 }
}
"""
PAGE = Template(
    """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>$style</style>
</head>
<body><main><h1>$title</h1><p>$text</p>$form</main></body>
</html>
"""
)
FORM = Template(
    """<form method="post">
<button name="List-Unsubscribe" value="One-Click">$button</button>
</form>"""
)


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of the page in one language. `ask` and `ended` are about e-mails of one type, and
    contain its `{name}`; `ask_all` and `ended_all` are about all."""

    title: str
    ask: str
    ask_all: str
    button: str
    ended_title: str
    ended: str
    ended_all: str


FILE = Path(__file__).parent / "locales" / "unsubscribing.toml"
WORDS = msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), dict[str, Words])  # by language

_hash = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_hash}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",  # the address is the permission
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


@dataclass(slots=True, frozen=True)
class Unsubscribing:
    notices: Notices

    def endpoints(self) -> Endpoints:
        path = "/unsubscribe/{token}"
        return {f"GET {path}": self.show, f"POST {path}": self.act}

    async def show(self, request: Request) -> Response:
        return _page(await self._ask(request, act=False), _language(request))

    async def act(self, request: Request) -> Response:
        return _page(await self._ask(request, act=True), _language(request))

    async def _ask(self, request: Request, act: bool) -> UnsubscribeAnswer:
        """Raises NotFound for a token that notify did not sign."""
        asked = Unsubscribe(token=request.path_params["token"], act=act)
        return await self.notices.ask(asked, UnsubscribeAnswer)


def _language(request: Request) -> str:
    return preferred(request.headers.get("accept-language", ""), WORDS)


def _page(answer: UnsubscribeAnswer, language: str) -> Response:
    words, name = WORDS[language], escape(answer.notification_type.replace("_", " "))
    if answer.ended:
        title, form = words.ended_title, ""
        text = words.ended if name else words.ended_all
    else:
        title, form = words.title, FORM.substitute(button=words.button)
        text = words.ask if name else words.ask_all
    text = text.format(name=name)
    page = PAGE.substitute(language=language, title=title, text=text, form=form, style=STYLE)
    return HTMLResponse(page, headers=HEADERS)
