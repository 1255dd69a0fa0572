"""Owns a request to a webhook, and what its answer means."""

import time
from collections.abc import Mapping

from msgspec import Struct

from services.notify.channels.push import wait_of
from services.notify.webhooks.rows import GONE
from shared.outward import Answer, NotSent, Outward, Unanswered
from shared.outward.destinations import Refused

ANSWER_BYTES = 1024  # at most are read, so that the connection can be used again
BUSY = (408, 425, 429)


class Result(Struct, frozen=True):
    """The result of a request. `reason` is empty if it was accepted. `worked` tells whether the
    receiver works, or is None if the answer is about this event alone. `wait` is in seconds."""

    reason: str = ""
    worked: bool | None = True
    wait: float = 0.0

    @property
    def gone(self) -> bool:
        return self.reason == GONE


async def post(outward: Outward, url: str, body: bytes, signed: Mapping[str, str]) -> Result:
    try:
        answer = await outward.request(
            "POST", url, body=body, headers=signed, answer_bytes=ANSWER_BYTES
        )
    except Refused:
        return Result("address_refused", worked=False)
    except NotSent:
        return Result("not_connected", worked=False)
    except Unanswered:
        return Result("no_answer", worked=False)
    return judged(answer)


def judged(answer: Answer) -> Result:
    """Return the result of an answer. Only 2xx accepts an event; a redirect is not followed."""
    status, reason = answer.status, f"http_{answer.status}"
    if 200 <= status < 300:
        return Result()
    if status >= 500 or status in BUSY:
        wait = wait_of(answer.headers.get("retry-after", ""), time.time())
        return Result(reason, worked=False, wait=wait)
    about_the_event = 400 <= status < 500 and status not in (401, 403, 404, 405, 410)
    return Result(reason, worked=None if about_the_event else False)
