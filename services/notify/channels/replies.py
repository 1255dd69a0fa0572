"""Owns what the replies of a mail server say: of an e-mail, of its recipient's address, or of the
server itself.
"""

import re

from aiosmtplib.errors import SMTPRecipientRefused, SMTPResponseException, SMTPSenderRefused
from msgspec.structs import replace

from services.notify.ladder.delivery import Outcome

CLOSING = 421  # "service not available" (RFC 5321, 3.8): to whatever is asked
NO_MAILBOX = (550, 551, 553)  # RFC 5321, 4.2.3
ENHANCED = re.compile(r"\d\.\d{1,3}\.\d{1,3}(?!\S)")  # RFC 2034, at the beginning of the text
OF_ADDRESS = re.compile(r"5\.(1\.\d+|2\.1)\Z")  # RFC 3463: addressing; the mailbox is disabled


def judged(error: Exception) -> Outcome:
    """Return the outcome of an envelope that was refused: no e-mail has been accepted."""
    if isinstance(error, SMTPRecipientRefused):
        return refused(error)
    if isinstance(error, SMTPSenderRefused):
        return said(error.code)
    # A greeting or login refused is not the e-mail's.
    return Outcome("postponed", type(error).__name__, worked=False)


def is_of_recipient(error: Exception) -> bool:
    return isinstance(error, SMTPRecipientRefused) and error.code != CLOSING


def refused(error: SMTPResponseException) -> Outcome:
    """Read a reply other than the expected one, after the recipient was named."""
    outcome = said(error.code)
    return replace(outcome, refused=outcome.kind == "failed" and _is_of_address(error))


def said(code: int) -> Outcome:
    """Read an unexpected reply: it speaks of the e-mail, except 421, which speaks of the server."""
    match code // 100:
        case 2:
            return Outcome("sent", f"smtp_{code}", worked=True)
        case 4:
            return Outcome("postponed", f"smtp_{code}", worked=code != CLOSING)
        case 5:
            return Outcome("failed", f"smtp_{code}", worked=True)
        case _:
            return Outcome("unknown", f"smtp_{code}", worked=False)


def _is_of_address(error: SMTPResponseException) -> bool:
    """Tell a mailbox that is not there from a full one, or from an e-mail that the server dislikes.
    An enhanced status code tells best."""
    enhanced = ENHANCED.match(error.message)
    return bool(OF_ADDRESS.match(enhanced[0])) if enhanced else error.code in NO_MAILBOX
