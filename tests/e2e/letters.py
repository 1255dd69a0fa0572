"""E-mails to look at: each kind, with names and texts of many scripts, drawn by a real browser.

`python -m tests.e2e.letters DIRECTORY` draws all of them; `python -m tests.e2e.letters` draws the
picture of docs/notifications.md anew.
"""

import asyncio
import io
import sys
from itertools import product
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from services.notify.channels.letter import Letters
from services.notify.channels.unsubscription import Unsubscriptions
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from shared.commands import Preview, Profile
from shared.settings import Settings
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.support.letters import read

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (360, 720)
AT = 1_700_000_000_000_000
MINUTE = 60_000_000
PICTURE = Path("docs/images/email.png")
SETTINGS = Settings(
    public_url="https://chat.example.com", smtp_from="Meridian <no-reply@meridian.example>"
)
LETTERS = Letters(SETTINGS, lambda: AT, Unsubscriptions(b"k" * 32, SETTINGS.public_url).link)


def _conversation(
    *said: tuple[str, str], title: str | None = None, unread: int = 0
) -> MessageContent:
    previews = [
        Preview(
            sender_id=name.lower().split()[0],
            sender_name=name,
            content=text,
            seq=seq,
            created_at=AT + seq * MINUTE,
        )
        for seq, (name, text) in enumerate(said)
    ]
    return MessageContent(
        conversation_id=f"c{len(said)}{title or ''}",
        kind="group" if title else "direct",
        title=title,
        unread=unread or len(said),
        senders=len({name for name, _ in said}),
        previews=previews,
    )


LONG = "https://docs.example.com/" + "quarterly-planning-" * 12
ONE = _conversation(("Ana Ruiz", "Could you look at the offer before our call tomorrow?"))
BURST = _conversation(
    ("Ana Ruiz", "One more thing"),
    (
        "Ana Ruiz",
        "I moved the kick-off to Thursday, 9:30. The room is booked, and Tom joins by video.",
    ),
    ("Ana Ruiz", LONG),
    unread=200,
)
GROUP = _conversation(
    ("Ana Ruiz", "The new designs are in the folder."),
    ("Tom Becker", "Looks great! Two small notes on the second page."),
    ("Mei Lin", "I can present them on Friday if nobody else wants to."),
    title="Launch team",
    unread=14,
)
SCRIPTS = _conversation(
    ("يوسف الحسن", "مرحبا، هل يمكننا تأجيل الاجتماع إلى الساعة 15:30؟"),
    ("🦊 Zoë", "Sure! ✨ 🎉 See you at half past three"),
    ("דנה לוי", "מצוין, אני מצרפת את המסמך contract-v2.pdf כאן."),
    title="פרויקט Atlas 🚀",
)
HIRED = NoticeContent(
    notification_type="application_status",
    priority="high",
    title="Your application for Data Engineer has moved on",
    body="Northwind would like to meet you.\nPlease choose a time for the first interview.",
    action_url="https://app.example.com/applications/7",
    sender_id="northwind",
    sender_name="Northwind Recruiting",
    created_at=AT,
)
LOGIN = NoticeContent(
    notification_type="security_alert",
    priority="urgent",
    title="New sign-in from Lisbon",
    body="If this was not you, change your password now.",
    action_url="https://app.example.com/security",
    created_at=AT,
)
SCENES: dict[str, Content] = {
    "one": ONE,
    "burst": BURST,
    "group": GROUP,
    "scripts": SCRIPTS,
    "notice": HIRED,
    "alert": LOGIN,
    "digest": DigestContent(
        period="daily", conversations=[BURST, GROUP, SCRIPTS], notices=[HIRED, LOGIN]
    ),
}


def html(scene: str, locale: str = "en-GB") -> str:
    profile = Profile(
        user_id="sam",
        name="Sam Okafor",
        email="sam@example.com",
        time_zone="Europe/Berlin",
        locale=locale,
    )
    letter = read(LETTERS.write("n1", profile, SCENES[scene]))
    part = letter.get_body(("html",))
    assert part is not None
    return str(part.get_content())


async def open_letter(browser: Browser, text: str, scheme: Scheme, width: int) -> Page:
    """A page that shows that HTML and can reach nothing."""
    page = await browser.new_page(
        viewport={"width": width, "height": 400}, color_scheme=scheme, offline=True
    )
    await page.set_content(text)
    return page


async def draw(browser: Browser, scene: str, scheme: Scheme, width: int) -> bytes:
    page = await open_letter(browser, html(scene), scheme, width)
    picture = await page.screenshot(full_page=True)
    await page.close()
    return picture


async def draw_all(folder: Path | None) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        if folder is None:
            both = [await draw(browser, "group", scheme, 480) for scheme in SCHEMES]
            _side_by_side(both).save(PICTURE, optimize=True)
        else:
            for scene, scheme, width in product(SCENES, SCHEMES, WIDTHS):
                target = folder / f"{scene}-{scheme}-{width}.png"
                target.write_bytes(await draw(browser, scene, scheme, width))
        await browser.close()


def _side_by_side(pictures: list[bytes]) -> Image.Image:
    images = [Image.open(io.BytesIO(picture)) for picture in pictures]
    whole = Image.new("RGB", (sum(one.width for one in images), max(one.height for one in images)))
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width
    return whole.quantize(64)


if __name__ == "__main__":
    asyncio.run(draw_all(Path(sys.argv[1]) if sys.argv[1:] else None))
