"""Owns the check of the mail server: connect, encrypt and log in, without sending an e-mail."""

import asyncio
import time

import aiosmtplib
from aiosmtplib.errors import SMTPAuthenticationError, SMTPException

from linkup.doctor.verdict import Verdict, failed, passed, warned
from shared.settings import Settings

TIMEOUT = 8.0  # seconds


async def smtp(settings: Settings) -> Verdict:
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    if not settings.smtp_host:
        return passed("smtp", "none is set: notify writes e-mails to files")
    client, began = _client(settings), time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT):
            await client.connect()
            await client.quit()
    except SMTPAuthenticationError as error:
        fix = "Check LINKUP_SMTP_USER and LINKUP_SMTP_PASSWORD."
        return failed("smtp", f"{where} refuses the login ({error.code})", fix)
    except (SMTPException, OSError) as error:
        fix = "Check LINKUP_SMTP_HOST, LINKUP_SMTP_PORT and LINKUP_SMTP_SECURITY."
        silent = isinstance(error, TimeoutError)
        reason = f"no answer for {TIMEOUT:.0f} s" if silent else type(error).__name__
        return failed("smtp", f"{where}: {reason}", fix)
    finally:
        client.close()
    value = f"{where} answers in {1000 * (time.monotonic() - began):.0f} ms"
    if settings.smtp_security == "none" and settings.smtp_password:
        fix = "Set LINKUP_SMTP_SECURITY to starttls or tls."
        return warned("smtp", f"{value}, and the password goes there in clear text", fix)
    return passed("smtp", value)


def _client(settings: Settings) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user or None,
        password=settings.smtp_password or None,
        timeout=TIMEOUT,
        use_tls=settings.smtp_security == "tls",
        start_tls=settings.smtp_security == "starttls",
    )
