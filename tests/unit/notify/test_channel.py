"""The choice of the way that e-mails take, and the warning about one that leads nowhere."""

from typing import Any

import pytest

from services.notify.channels import email
from services.notify.channels.email import Smtp, open_channel
from shared.settings import Settings


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 63 + ".invalid"])
async def test_f_s22_a_mail_server_without_an_address_is_said_at_start(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await open_channel(Settings(smtp_host=host))
    assert isinstance(channel, Smtp)  # the network may be back before the first e-mail
    assert f"LINKUP_SMTP_HOST={host} has no address" in caplog.text


async def test_f_s22_a_name_server_that_does_not_answer_holds_no_start_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", silent)
    await email._look_up("mail.example", 25)  # noqa: SLF001 - the rest asks the system too
    assert "(no answer)" in caplog.text


async def test_f_s22_a_mail_server_with_an_address_is_not_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await open_channel(Settings(smtp_host="127.0.0.1"))
    assert "LINKUP_SMTP_HOST" not in caplog.text
