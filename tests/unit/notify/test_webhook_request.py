"""The headers of a request to a webhook, and what each answer means."""

import json

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notify.webhooks.event import body, event_id, wanted
from services.notify.webhooks.request import Result, judged
from shared import clock
from shared.commands import Fact
from shared.outward import Answer
from shared.signature import headers

OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8
HEADERS = {"retry-after": "7"}


def fact(kind: str, n: int = 1, actor: str = "ann") -> Fact:
    return Fact("1", n, kind, "c", 1, 1, actor, "", 1_764_000_000_000_000)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_receiver_with_either_secret_knows_the_request(secret: str) -> None:
    content = body("message.created", clock.now(), '{"say": "héllo"}'.encode())
    signed = dict(headers("evt_1", content, [NEW, OLD], clock.now()))
    assert Webhook(secret).verify(content, signed)["data"] == {"say": "héllo"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(content + b" ", signed)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, Result()),
        (204, Result()),
        (301, Result("http_301", worked=False)),
        (400, Result("http_400", worked=None)),
        (401, Result("http_401", worked=False)),
        (404, Result("http_404", worked=False)),
        (410, Result("http_410", worked=False)),
        (422, Result("http_422", worked=None)),
        (429, Result("http_429", worked=False, wait=7.0)),
        (500, Result("http_500", worked=False, wait=7.0)),
        (503, Result("http_503", worked=False, wait=7.0)),
    ],
)
def test_each_answer_has_a_meaning(status: int, result: Result) -> None:
    assert judged(Answer(status, HEADERS, b"")) == result
    assert result.gone == (status == 410)


def test_an_event_says_what_and_when() -> None:
    said = json.loads(body("message.read", 1_764_000_000_000_001, b'{"seq":1}'))
    assert said == {
        "type": "message.read",
        "timestamp": "2025-11-24T16:00:00.000001Z",
        "data": {"seq": 1},
    }
    assert event_id("e1", fact("message", 7)) == "evt_e1_1_7"


def test_facts_of_other_types_and_of_reserved_users_are_no_events() -> None:
    facts = [
        fact("message", 1),
        fact("receipt", 2),
        fact("cleared", 3),
        fact("message", 4, "linkup--canary-1"),
    ]
    assert wanted(facts, ["message.created"]) == facts[:1]
