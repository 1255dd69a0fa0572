"""The quantities in the documents that no setting changes are those of the code."""

import re
from pathlib import Path

import pytest
from linkup_client import inbox as events
from linkup_client import outbox

from services.gateway import app
from services.gateway.attachments import pictures, uploads
from services.gateway.auth import standings as remembered
from services.gateway.presence import presence, typing
from services.gateway.socket import feed, greeting, refusals, wire
from services.gateway.upstream import gate, gathering, lanes, moderator, submission
from services.notify.channels import push, realtime, views
from services.notify.inbox import pruning, rows, text
from services.notify.sending import courier
from services.notify.store import subscriptions
from services.notify.webhooks import lines, reader
from services.persistence import writer
from services.persistence.decide import attachments, revisions, standings, tickets
from services.persistence.queries import recent
from services.persistence.queries.inbox import PREVIEW_CHARACTERS, UNREAD_ITEMS
from services.persistence.queries.search import AT_MOST, MAX_CONVERSATIONS
from services.persistence.upkeep import canary, errors
from shared import breaker, frames
from shared.clock import SECOND
from shared.health import records
from shared.http import admission, connection
from shared.process import serve
from shared.sqlite import overwriting

ROOT = Path(__file__).parents[2]
KIB, DAY = 1024, 86_400
SDK = ROOT / "clients/web/sdk"
WORDS = {1: "one", 3: "three", 4: "four", 5: "five", 10: "ten"}
MIB = KIB * KIB


def js(module: str, name: str) -> float:
    """Return a constant of the JavaScript client; seconds, if it is milliseconds there."""
    found = re.search(rf"^const {name} = ([\d_.]+);", (SDK / module).read_text("utf-8"), re.M)
    assert found is not None, f"{module} has no {name}"
    return float(found[1].replace("_", "")) / (1000 if name.endswith("_MS") else 1)


SAID = {
    "clients/python/README.md": [
        f"{outbox.MAX_MESSAGES:,} messages or {outbox.MAX_BYTES // MIB} MiB are waiting",
        f"buffers up to {events.MAX_EVENTS:,} events or {events.MAX_BYTES // MIB} MiB",
    ],
    "clients/web/README.md": [
        f"for more than {WORDS[int(js('waiting.js', 'USUAL_MS'))]} seconds",
        f"nothing from that tab for {js('lead.js', 'LIFE_MS'):g} seconds",
        f"no ack for {js('lead.js', 'OUTCOME_MS'):g} seconds",
        f"silence for {js('connection.js', 'SILENCE'):g} heartbeats",
        f"opened for {WORDS[int(js('roads.js', 'PATIENCE_MS'))]} seconds",
        f"new events every {js('polling.js', 'EVERY_MS'):g} seconds",
        f"every {js('polling.js', 'EVERY_MS') * js('polling.js', 'BADGE_EVERY'):g} seconds",
        f"asked again {WORDS[int(js('tokens.js', 'LEAST_MS'))]} seconds later",
    ],
    "docs/protocol.md": [
        f"counted {realtime.SETTLING:g} seconds later",
        f"have at most {greeting.HELLO_BYTES // KIB} KiB, and authenticate",
        f"waits {WORDS[int(greeting.BEARER_HELLO_TIMEOUT)]} second for a `hello`",
        f"1 to {frames.MAX_CONTENT:,} code points",
        f"of the same user within {tickets.LIFE // SECOND} seconds",
        f"more than {standings.MOST_REVOKED} tokens of a user",
        f"more than {feed.MAX_MISSED:,} events behind",
        f"(at most {frames.MAX_ATTACHMENTS} ids)",
        f"and {presence.MAX_WATCHED:,} for each WebSocket",
        f"at most {WORDS[int(1 / typing.EACH)]} times a second in all",
        f"up to {frames.MAX_EMOJI_BYTES} bytes, without spaces",
        f"up to {revisions.MAX_REACTIONS} reactions in total",
        f"and {revisions.MAX_OWN_REACTIONS} from one user",
        f"a group of up to {frames.MAX_MEMBERS} users",
        f"In a group of more than {frames.MAX_NAMED}",
        f"refused as `out_of_order` {WORDS[gate.MAX_REFUSALS]} times",
        f"fails with `internal` {WORDS[gate.MAX_FAULTS]} times",
        f"a frame above {frames.MAX_FRAME_BYTES // KIB} KiB",
        f"if it is above {wire.BYTES_A_FRAME // KIB} KiB",
        f"At most {rows.MAX_COUNTED:,} unread notifications",
        f"remembered for at least {pruning.KEYS // SECOND // DAY} days",
        f"{uploads.MAX_OWN_AT_ONCE} uploads in progress at each gateway",
        f"and {attachments.MAX_UNSENT} unsent files",
        f"at most {pictures.THUMBNAIL_SIDE} pixels",
        f"if about {AT_MOST:,} were examined",
        f"in your {MAX_CONVERSATIONS} latest ones",
        f"the {WORDS[UNREAD_ITEMS]} latest unread conversations",
        f"cut at {PREVIEW_CHARACTERS} characters",
        f"have {subscriptions.MOST} subscriptions",
    ],
    "docs/operations.md": [
        f"to {app.SETTLE_TIMEOUT:g} seconds for the results",
        f"takes at most {serve.DRAIN_TIMEOUT:g} seconds",
        f"{lanes.MAX_QUEUED:,} in each of its queues",
        f"{writer.MAX_QUEUED}, then `overloaded`",
        f"{gathering.PATIENCE:g} s, then `unavailable`",
        f"The last {admission.SPARE} connections are kept",
        f"a request answered with 429 counts as {WORDS[connection.REFUSED]}",
        f"at least {connection.LEAST_RATE} bytes/s",
        f"{uploads.MAX_AT_ONCE}, then `overloaded`; {uploads.MAX_OWN_AT_ONCE} for each user",
        f"at most {refusals.LINES_OF_ONE} lines a minute",
        f"and {refusals.LINES_PER_MINUTE} for one code in total",
        f"all except the latest {WORDS[canary.KEPT]} are deleted",
        f"After {WORDS[breaker.THRESHOLD]} failures in a row",
        f"takes at most {breaker.FIRST_PAUSE:g} seconds",
        f"For the newest {recent.KEPT:,} transactions",
        f"its latest {records.KEPT} in memory",
        f"(`LINKUP_ERRORS_KEEP`), at most {errors.MAX_ROWS:,}",
        f"at least {pruning.UNREAD // SECOND // DAY} days if it stays unread",
    ],
    "docs/design.md": [
        f"up to {1000 * lanes.COMPANY:g} ms for another command",
        f"deadline of its commands, {WORDS[int(submission.DEADLINE)]} seconds",
        f"the feed waits {1000 * feed.HOLE_WAIT:g} ms",
        f"has asked in the last {realtime.LISTENS_FOR:g} seconds",
        f"waits for {realtime.SETTLING:g} seconds: a user",
        f"remembers the answer for {remembered.FRESH:g} seconds",
        f"each database of up to {overwriting.MOST_BYTES // MIB} MiB",
    ],
    "docs/privacy.md": [
        f"each database of up to {overwriting.MOST_BYTES // MIB} MiB",
    ],
    "docs/notifications.md": [
        f"each cut at {text.PREVIEW_LENGTH} characters",
        f"the latest {views.MOST_LISTED} conversations",
        f"There are up to {WORDS[courier.CONCURRENCY]}, and more",
        f"keeps a push for {WORDS[push.TTL // DAY].replace('one', 'a')} day",
    ],
    "docs/moderation.md": [
        f"up to {moderator.AT_ONCE} of one user in a request",
        f"at most {moderator.QUESTIONS} of these requests",
        f"At most {moderator.OWN} messages of one user and {moderator.MOST:,} of all users",
        f"cut at {moderator.LONGEST_WORDS} characters",
        f"waited for {WORDS[int(submission.DEADLINE)]} seconds",
    ],
    "docs/webhooks.md": [
        f"up to {lines.MOST} webhooks",
        f"within {lines.TIMEOUT:g} seconds",
        f"up to {reader.MOST_WAITING:,} of its events wait",
    ],
}


@pytest.mark.parametrize("document", SAID)
def test_the_quantities_of_a_document_are_those_of_the_code(document: str) -> None:
    told = " ".join((ROOT / document).read_text("utf-8").split())
    assert [said for said in SAID[document] if said not in told] == []
