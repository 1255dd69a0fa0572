"""The log of the attempts: what went well is in the timeline of a message, and not in every log."""

import logging

import pytest

from services.notify.ladder.delivery import Delivery, Outcome
from services.notify.sending.outcomes import Outcomes
from services.notify.sending.ways import ByEmail

DELIVERY = Delivery(
    delivery_id="n1",
    user_id="bob",
    thread="c",
    first_seq=1,
    last_seq=1,
    count=1,
    state="sending",
    due_at=0,
    created_at=0,
)


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        *(("sent", logging.DEBUG), ("withdrawn", logging.DEBUG)),
        *(("postponed", logging.WARNING), ("failed", logging.WARNING)),
        ("unknown", logging.WARNING),
    ],
)
def test_only_what_went_wrong_is_told_to_every_log(
    kind: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "linkup.notify")
    counts: list[str] = []
    Outcomes(ByEmail.words, counts.append).tell(DELIVERY, Outcome(kind, "smtp_451"))  # type: ignore[arg-type]
    (told,) = caplog.records
    assert told.levelno == level
    assert told.getMessage() == f"an e-mail is {kind}"
    assert counts == (["fallbacks.email"] if kind == "sent" else [])
