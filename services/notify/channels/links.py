"""Owns the links in e-mails and push messages; empty ones where no setting names their address."""

from urllib.parse import quote

from services.notify.ladder.content import MessageContent
from shared.settings import Settings


class Links:
    """To LINKUP_CONVERSATION_URL, or to the page below LINKUP_PUBLIC_URL."""

    def __init__(self, settings: Settings) -> None:
        self._public_url = settings.public_url.rstrip("/")
        self._template = settings.conversation_url

    def home(self) -> str:
        return self._below("/")

    def conversation(self, content: MessageContent) -> str:
        is_group = content.kind == "group"
        peer = "" if is_group else content.previews[-1].sender_id
        if self._template and (peer or "{conversation_id}" in self._template):
            link = self._template.replace("{conversation_id}", _quoted(content.conversation_id))
            return link.replace("{user_id}", _quoted(peer))
        if is_group:
            return self._below(f"/group/{_quoted(content.conversation_id)}/")
        return self._below(f"/chat/{_quoted(peer)}/")

    def action(self, url: str) -> str:
        """A path of the host is below LINKUP_PUBLIC_URL; nothing but web pages is opened."""
        if url.startswith("/"):
            return self._below(quote(url, safe="/%:@!$&'()*+,;=~?#"))
        return url if url.lower().startswith(("https://", "http://")) else self.home()

    def _below(self, path: str) -> str:
        return f"{self._public_url}{path}" if self._public_url else ""


def _quoted(value: str) -> str:
    return quote(value, safe="")
