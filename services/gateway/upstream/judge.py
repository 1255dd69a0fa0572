"""Owns the requests to LINKUP_MODERATION_URL: what they say, and what their answers mean."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from msgspec import UNSET, Struct, UnsetType

from services.gateway.upstream.moderator import QUESTIONS, Said, Verdict
from shared import clock, signature
from shared.breaker import Breaker
from shared.commands import EditMessage
from shared.errors import SettingError
from shared.health.records import record
from shared.outward import NotSent, Outward, Unanswered, open_outward
from shared.outward.destinations import Refused, Rules
from shared.retry import Retries
from shared.settings import Settings

ANSWER_BYTES = 64 * 1024
RETRIES = Retries(base=1.0, cap=30.0)


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message, or the new text of one. `edits`: the id of the message that is edited."""

    sender_id: str
    conversation_id: str | UnsetType = UNSET
    to: str | UnsetType = UNSET
    content: str
    attachments: list[str] = []
    reply_to: int | UnsetType = UNSET
    edits: int | UnsetType = UNSET


class Answer(Struct, frozen=True):
    """The verdicts, in the order of the messages."""

    results: list[Verdict]


_answers = msgspec.json.Decoder(Answer)


class Service:
    """Asks the host app over HTTP. An outage is found out by one request now and then."""

    def __init__(self, url: str, secret: str, outward: Outward) -> None:
        self._url = url
        self._secret = secret
        self._outward = outward
        self.breaker = Breaker("LINKUP_MODERATION_URL", RETRIES)

    async def judge(self, said: Sequence[Said]) -> Sequence[Verdict] | None:
        if not self.breaker.room(1):
            return None
        self.breaker.begin()
        fault, found = "", None
        try:
            found = await self._asked(said)
        except (Refused, NotSent, Unanswered, ValueError) as error:
            fault = str(error) or type(error).__name__
            record("connection_error", "messages are not checked: {reason}", reason=fault)
        self.breaker.end(found is not None, fault)
        return found

    async def _asked(self, said: Sequence[Said]) -> Sequence[Verdict]:
        """Raises Refused, NotSent, Unanswered, and ValueError for an answer that is none."""
        body = msgspec.json.encode({"messages": [_shown(one) for one in said]})
        answer = await self._outward.request(
            "POST", self._url, body=body, headers=self._headers(body), answer_bytes=ANSWER_BYTES
        )
        if answer.status != 200:
            raise ValueError(f"it answers with status {answer.status}")
        results = _results(answer.body)
        if len(results) != len(said):
            raise ValueError(f"it answers with {len(results)} results for {len(said)} messages")
        return results

    def _headers(self, body: bytes) -> Mapping[str, str]:
        if not self._secret:
            return {"Content-Type": "application/json"}
        name = f"mod_{secrets.token_hex(12)}"
        return signature.headers(name, body, [self._secret], clock.now())


def _results(body: bytes) -> Sequence[Verdict]:
    """Raises ValueError."""
    try:
        return _answers.decode(body).results
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("its answer is not the JSON that is expected") from None


def _shown(said: Said) -> Asked:
    if isinstance(said, EditMessage):
        return Asked(sender_id=said.user_id, content=said.content, edits=said.message_id)
    return Asked(
        sender_id=said.user_id,
        conversation_id=said.conversation_id,
        to=said.to or UNSET,
        content=said.content,
        attachments=said.attachments,
        reply_to=UNSET if said.reply_to is None else said.reply_to,
    )


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Service]:
    """Raises SettingError."""
    rules, timeout = Rules(settings.outbound_allowed), settings.moderation_timeout
    try:
        rules.target(settings.moderation_url)
    except Refused as error:
        raise SettingError(
            f"LINKUP_MODERATION_URL {error}; a host of your own network must be in "
            "LINKUP_OUTBOUND_ALLOWED"
        ) from None
    if settings.moderation_secret and not signature.is_secret(settings.moderation_secret):
        raise SettingError(f"LINKUP_MODERATION_SECRET must be {signature.FORM}")
    async with open_outward(
        rules, timeout=timeout, connect_timeout=timeout, connections=QUESTIONS
    ) as outward:
        yield Service(settings.moderation_url, settings.moderation_secret, outward)
