"""Text of users reaches the operator's terminal without anything that the terminal obeys."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from linkup.errors.asking import Told
from linkup.errors.listing import details as error
from linkup.errors.listing import listing as errors
from linkup.installation.terminal import foreign
from linkup.notifications.display import deliveries
from linkup.report.listing import details as report_of
from linkup.report.listing import listing as reports
from linkup.user import display as users
from shared import api
from shared.commands import DeadDelivery
from shared.health.taxonomy import Record

HOSTILE = "\x1b]0;owned\x07\x9b2J\u202eevil\r"
HARMLESS = ["two\nlines", "\U0001f468\u200d\U0001f469", "\u0645\u06cc\u200c\u062e", "O'Neil"]
AT = datetime(2026, 11, 29, tzinfo=UTC)


def report() -> api.Report:
    return api.Report(
        report_id="r",
        reporter_id=HOSTILE,
        user_id=HOSTILE,
        message_id=1,
        conversation_id="d1",
        reason="spam",
        comment=HOSTILE,
        content=HOSTILE,
        created_at=AT,
        resolved_at=None,
        notes=HOSTILE,
    )


def user() -> dict[str, str | None]:
    return {"user_id": HOSTILE, "name": HOSTILE, "email": None, "last_seen": None}


def contact() -> dict[str, str | None]:
    return {"user_id": HOSTILE, "name": HOSTILE, "created_at": AT.isoformat()}


def record() -> Record:
    return Record(
        id="e1",
        category="auth_error",
        severity="low",
        service="gateway",
        message=HOSTILE,
        context={"where": HOSTILE},
        user=HOSTILE,
        first_at=0,
        occurred_at=0,
    )


def delivery() -> DeadDelivery:
    return DeadDelivery(
        delivery_id="d1",
        user_id=HOSTILE,
        channel="email",
        thread="d1",
        attempts=1,
        state="failed",
        reason=HOSTILE,
        closed_at=0,
    )


@pytest.mark.parametrize(
    "display",
    [
        lambda: report_of(report()),
        lambda: reports(api.ReportsAnswer(reports=[report()], next=None)),
        lambda: users.users([user()]),
        lambda: users.details(user()),
        lambda: users.contacts([contact()]),
        lambda: error(record()),
        lambda: errors(Told(stored=True, records=[record()])),
        lambda: deliveries([delivery()]),
    ],
)
def test_s28_no_text_of_a_user_drives_the_terminal(display: Callable[[], RenderableType]) -> None:
    out = StringIO()
    Console(file=out, width=1_000, color_system=None).print(display())
    assert "evil" in out.getvalue()
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(out.getvalue())


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_is_shown_as_it_is(text: str) -> None:
    assert foreign(text).plain == text
