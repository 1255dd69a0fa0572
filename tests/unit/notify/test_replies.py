"""The replies of a mail server become outcomes."""

import pytest
from aiosmtplib.errors import SMTPDataError

from services.notify.channels.replies import refused, said


def test_replies_say_what_became_of_it() -> None:
    codes = (251, 354, 421, 450, 554, -1)
    assert [said(code).kind for code in codes] == [
        *("sent", "unknown", "postponed", "postponed", "failed", "unknown")
    ]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        *((550, "no such user", True), (551, "not local", True), (553, "not a name", True)),
        *((550, "5.1.1 no such user", True), (550, "5.1.10 null MX", True)),
        *((554, "5.1.2 no such host", True), (550, "5.2.1 disabled", True)),
        *((552, "too much", False), (554, "spam", False), (530, "log in first", False)),
        *((550, "5.7.1 spam", False), (552, "5.2.2 full", False), (550, "5.2.2 full", False)),
        *((550, "5.1.1x", True), (450, "4.1.1 later", False), (421, "closing", False)),
    ],
)
def test_s74_only_what_is_said_of_the_address_counts_against_it(
    code: int, text: str, expected: bool
) -> None:
    assert refused(SMTPDataError(code, text)).refused is expected
